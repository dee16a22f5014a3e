"""The kill flag: seen at once, merged, lowered only as far as it was read; torn, it stops everybody."""

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from phalanx.brokers import kill_flag
from phalanx.brokers.kill_flag import (
    FILE,
    SIZE,
    KillFlagBusy,
    KillFlagFile,
    KillFlagFull,
    is_adopted,
    order_kill,
)
from phalanx.domain.kills import EVERYBODY, DirectKill, KillLevel, KillScope
from tests.fakes.kills import of_account

ADOPTED = SIZE - 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / FILE


@pytest.fixture
def flag(path: Path) -> Iterator[KillFlagFile]:
    opened = KillFlagFile(path)
    yield opened
    opened.close()


def kill(name: str = "one", scope: KillScope = EVERYBODY, *, cancel: bool = True) -> DirectKill:
    return DirectKill(name, scope, "local", f"note of {name}", 5, cancel)


def orders(flag: KillFlagFile) -> list[str]:
    raised = flag.read()
    return [] if raised is None else [one.id for one in raised.kills]


def overwrite(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def test_a_new_flag_is_down_and_has_its_full_size(flag: KillFlagFile, path: Path) -> None:
    assert not flag.is_raised()
    assert path.stat().st_size == SIZE
    assert path.stat().st_blocks * 512 >= SIZE, "it has its room on the disk"


def test_a_server_that_has_it_open_sees_it_go_up(flag: KillFlagFile, path: Path) -> None:
    ordered = kill(scope=of_account("A1"), cancel=False)

    order_kill(path, ordered)

    assert flag.is_raised()
    assert flag.keys() == {"account/A1"}
    raised = flag.read()
    assert raised is not None
    assert raised.kills == (ordered,)


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [
        (of_account("x\ny"), of_account("x?y")),
        (KillScope(KillLevel.STRATEGY, "s" * 129), KillScope(KillLevel.STRATEGY, "s" * 127 + "…")),
        (KillScope(KillLevel.ALL, "somebody"), EVERYBODY),
        (KillScope(KillLevel.BROKER, ""), EVERYBODY),
    ],
)
def test_whatever_texts_it_holds_are_read_as_a_door_would_take_them(
    flag: KillFlagFile, path: Path, scope: KillScope, stopped: KillScope
) -> None:
    order_kill(path, DirectKill("one", scope, "a\x07", "n\x1b[2J\n" + "x" * 500, -1))

    raised = flag.read()
    assert raised is not None
    note = "n?[2J\n" + "x" * 493 + "…"
    assert raised.kills == (DirectKill("one", stopped, "a?", note, 0),)
    assert flag.keys() == {stopped.key}


def test_two_kills_whose_ids_no_journal_may_keep_stay_two(flag: KillFlagFile, path: Path) -> None:
    order_kill(path, kill("a\n", of_account("A1")))
    order_kill(path, kill("a\t", of_account("A2")))

    first, second = orders(flag)
    assert first != second
    assert (first + second).isalnum()


def test_it_goes_up_where_no_server_ever_was(path: Path) -> None:
    order_kill(path, kill())

    later = KillFlagFile(path)
    assert later.is_raised()
    assert later.keys() == {"all/"}
    later.close()


def test_it_stays_down_for_later_servers_once_it_was_lowered(
    flag: KillFlagFile, path: Path
) -> None:
    order_kill(path, kill())
    raised = flag.read()
    assert raised is not None

    flag.lower(raised.number)

    assert not flag.is_raised()
    later = KillFlagFile(path)
    assert not later.is_raised()
    later.close()


def test_kills_that_wait_are_kept_beside_a_new_one(flag: KillFlagFile, path: Path) -> None:
    order_kill(path, kill("one", of_account("A1")))
    order_kill(path, kill("two", KillScope(KillLevel.BROKER, "paper")))

    assert orders(flag) == ["one", "two"]
    assert flag.keys() == {"account/A1", "broker/paper"}


def test_what_was_adopted_is_not_ordered_again_by_the_next_kill(
    flag: KillFlagFile, path: Path
) -> None:
    order_kill(path, kill("one", of_account("A1")))
    raised = flag.read()
    assert raised is not None
    flag.lower(raised.number)

    order_kill(path, kill("two"))

    assert orders(flag) == ["two"]


def test_a_kill_that_comes_while_one_is_adopted_keeps_the_flag_up(
    flag: KillFlagFile, path: Path
) -> None:
    order_kill(path, kill("one", of_account("A1")))
    raised = flag.read()
    assert raised is not None
    order_kill(path, kill("two", of_account("A2")))

    flag.lower(raised.number)

    assert flag.is_raised()
    assert "two" in orders(flag)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (True, True, ["two"]),
        (False, True, ["two"]),
        (False, False, ["two"]),
        (True, False, ["one", "two"]),
    ],
)
def test_the_same_scope_again_takes_the_place_of_what_it_says_again(
    flag: KillFlagFile, path: Path, first: bool, second: bool, kept: list[str]
) -> None:
    order_kill(path, kill("one", cancel=first))
    order_kill(path, kill("two", cancel=second))

    assert orders(flag) == kept


@pytest.mark.parametrize("length", [8, 12, 16, 20, 60])
def test_a_torn_write_stops_everybody(flag: KillFlagFile, path: Path, length: int) -> None:
    order_kill(path, kill("one", of_account("A1")))
    raised = flag.read()
    assert raised is not None
    flag.lower(raised.number)
    before = path.read_bytes()
    order_kill(path, kill("another", of_account("A2")))
    overwrite(path, length, before[length:])

    assert flag.is_raised()
    assert flag.keys() == {"all/"}
    torn = flag.read()
    assert torn is not None
    assert [one.scope for one in torn.kills] == [EVERYBODY]
    flag.lower(torn.number)
    assert not flag.is_raised()


@pytest.mark.parametrize("place", [0, 8, 12, 16, 40, ADOPTED])
def test_an_altered_byte_never_lowers_it_or_narrows_it(
    flag: KillFlagFile, path: Path, place: int
) -> None:
    order_kill(path, kill("one", of_account("A1")))
    byte = path.read_bytes()[place]

    overwrite(path, place, bytes([byte ^ 0x40]))

    assert flag.is_raised()
    assert flag.keys() == ({"account/A1"} if place == ADOPTED else {"all/"})


def test_what_is_being_written_is_not_adopted_yet(flag: KillFlagFile, path: Path) -> None:
    order_kill(path, kill("one", of_account("A1")))
    overwrite(path, 20, b"?")

    with path.open("r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert flag.read() is None
        assert flag.keys() == {"all/"}

    assert flag.read() is not None


def test_over_an_unreadable_flag_a_kill_stops_everybody(flag: KillFlagFile, path: Path) -> None:
    order_kill(path, kill("one", of_account("A1")))
    overwrite(path, 20, b"?")

    order_kill(path, kill("two", of_account("A2")))

    assert flag.keys() == {"all/", "account/A2"}


def test_content_that_is_no_kill_is_torn(flag: KillFlagFile, path: Path) -> None:
    head = struct.pack("=QII", 1, kill_flag._checksum(1, b"{}"), 2)
    overwrite(path, 0, head + b"{}")

    assert flag.keys() == {"all/"}


def test_it_says_when_it_is_full(path: Path) -> None:
    def fill() -> None:
        for number in range(1_000):
            order_kill(path, kill(f"{number}", of_account(f"{number:0100}")))

    with pytest.raises(KillFlagFull):
        fill()

    opened = KillFlagFile(path)
    assert len(orders(opened)) > 50
    order_kill(path, kill("last"))
    assert opened.keys() == {"all/"}
    opened.close()


def test_it_does_not_wait_for_ever_for_another_writer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill_flag, "LOCK_TRIES", 2)
    order_kill(path, kill())
    with path.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(KillFlagBusy):
            order_kill(path, kill("two"))

    order_kill(path, kill("three"))


def test_a_server_needs_no_lock_to_lower_it(flag: KillFlagFile, path: Path) -> None:
    """A server that is stopped holds nothing that a kill would have to wait for."""
    order_kill(path, kill())
    raised = flag.read()
    assert raised is not None
    with path.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        flag.lower(raised.number)

    assert not flag.is_raised()


def test_a_kill_is_on_the_disk_with_its_name_before_it_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    order_kill(path, kill())

    assert synced[-2:] == [str(path), str(path.parent)]


def test_a_number_that_was_altered_to_the_last_one_can_still_go_up(
    flag: KillFlagFile, path: Path
) -> None:
    overwrite(path, ADOPTED, b"\xff" * 8)

    order_kill(path, kill())

    assert flag.is_raised()
    assert flag.keys() == {"all/"}


def removed(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(bytes(SIZE))
    other.replace(path)


def cut(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("change", [removed, replaced])
def test_a_kill_in_a_file_that_took_its_place_is_seen_once_it_is_renewed(
    flag: KillFlagFile, path: Path, change: Callable[[Path], None]
) -> None:
    change(path)

    assert flag.renew()
    assert not flag.is_raised()
    assert path.stat().st_size == SIZE
    order_kill(path, kill("new", of_account("A1")))

    assert flag.keys() == {"account/A1"}
    assert orders(flag) == ["new"]
    assert not flag.renew(), "it is the one that has the name"


def test_a_kill_that_was_in_the_new_file_already_is_seen(flag: KillFlagFile, path: Path) -> None:
    path.unlink()
    order_kill(path, kill("new"))
    assert not flag.is_raised()

    assert flag.renew()
    assert flag.is_raised()
    assert orders(flag) == ["new"]


LENGTHS = [*range(200), ADOPTED - 1, ADOPTED, ADOPTED + 7, ADOPTED + 8, SIZE - 1]
WORDS_END = ADOPTED + 8


def adopt(flag: KillFlagFile) -> list[DirectKill]:
    """What a server does at two ticks: journal what is ordered, lower the flag, renew it."""
    raised = flag.read()
    assert raised is not None
    flag.lower(raised.number)
    assert not flag.is_raised()
    flag.renew()
    assert not flag.is_raised()
    return list(raised.kills)


def test_a_kill_that_waits_in_a_file_cut_at_any_length_becomes_one_of_everybody(
    path: Path,
) -> None:
    for length in LENGTHS:
        flag = KillFlagFile(path)
        order_kill(path, kill("one", of_account("A1")))
        assert flag.keys() == {"account/A1"}, "it was read before"

        os.truncate(path, length)

        assert flag.is_raised(), length
        assert flag.keys() == {"all/"}, length
        (stands_for_it,) = adopt(flag)
        assert (stands_for_it.scope, stands_for_it.cancel) == (EVERYBODY, True), length
        assert path.stat().st_size == SIZE, length
        flag.close()
        path.unlink()


def test_one_that_is_down_and_cut_before_its_end_stops_everybody_too(path: Path) -> None:
    """Nobody can tell any more that it was down; behind both numbers there is nothing to lose."""
    for length in LENGTHS:
        flag = KillFlagFile(path)

        os.truncate(path, length)

        assert flag.is_raised() == (length < WORDS_END), length
        if flag.is_raised():
            assert [one.scope for one in adopt(flag)] == [EVERYBODY], length
        else:
            assert flag.renew(), length
        assert not flag.is_raised(), length
        assert path.stat().st_size == SIZE, length
        flag.close()
        path.unlink()


def test_a_cut_is_the_same_kill_for_the_next_server_and_another_cut_is_another(
    flag: KillFlagFile, path: Path
) -> None:
    cut(path)
    first = flag.read()
    later = KillFlagFile(path)
    assert later.read() == first, "no start makes it whole before it is adopted"
    later.close()
    adopt(flag)

    before = path.stat().st_mtime_ns
    cut(path)
    os.utime(path, ns=(0, before + 1))

    assert first is not None
    assert orders(flag) not in ([], [one.id for one in first.kills])


def test_one_that_was_cut_is_not_renewed_while_it_stops_everybody(
    flag: KillFlagFile, path: Path
) -> None:
    cut(path)

    flag.renew()

    assert flag.is_raised()
    assert path.stat().st_size == 0


def test_a_kill_that_is_ordered_in_a_file_that_was_cut_stops_everybody_beside_it(
    path: Path,
) -> None:
    for length in [0, 7, 100, ADOPTED, SIZE - 1]:
        order_kill(path, kill("one", of_account("A1")))
        os.truncate(path, length)

        order_kill(path, kill("two", of_account("A2")))

        flag = KillFlagFile(path)
        assert flag.keys() == {"all/", "account/A2"}, length
        assert path.stat().st_size == SIZE
        adopt(flag)
        order_kill(path, kill("three", of_account("A3")))
        assert flag.keys() == {"account/A3"}, length
        flag.close()
        path.unlink()


def test_a_kill_that_could_not_be_written_over_a_cut_leaves_it_cut(
    flag: KillFlagFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut(path)

    def full(*_: object) -> int:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="full"):
            order_kill(path, kill("two", of_account("A2")))

    assert path.stat().st_size == 0
    assert flag.keys() == {"all/"}


def test_a_kill_over_one_that_was_cut_and_lowered_is_alone(flag: KillFlagFile, path: Path) -> None:
    cut(path)
    raised = flag.read()
    assert raised is not None
    flag.lower(raised.number)
    assert path.stat().st_size == WORDS_END

    order_kill(path, kill("two", of_account("A2")))

    assert orders(flag) == ["two"]


def test_a_cut_that_somebody_is_writing_over_is_not_adopted(flag: KillFlagFile, path: Path) -> None:
    cut(path)
    with path.open("r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert flag.read() is None
        flag.renew()
        assert path.stat().st_size == 0, "its length still says that it was cut"
    assert flag.read() is not None


def test_what_was_half_written_when_it_was_read_is_not_adopted(
    flag: KillFlagFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer ended between that reading and the question whether anybody writes."""
    order_kill(path, kill("one", of_account("A1")))
    whole = path.read_bytes()
    overwrite(path, 20, b"?")
    flock = fcntl.flock

    def ended(descriptor: int, how: int) -> None:
        overwrite(path, 0, whole)
        flock(descriptor, how)

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", ended)
        assert flag.read() is None

    assert orders(flag) == ["one"]


def test_a_file_gets_its_name_at_its_full_size(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        assert not path.exists()
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "posix_fallocate", full)
    for make in (lambda: order_kill(path, kill()), lambda: KillFlagFile(path)):
        with pytest.raises(OSError, match="full"):
            make()

    assert list(path.parent.iterdir()) == []


def test_of_two_who_make_it_at_once_the_first_ones_stays(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def second(draft: Path, name: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        order_kill(path, kill("first", of_account("A1")))
        link(draft, name)

    monkeypatch.setattr(os, "link", second)
    order_kill(path, kill("second", of_account("A2")))

    flag = KillFlagFile(path)
    assert orders(flag) == ["first", "second"]
    flag.close()
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_cut_between_two_looks_at_it_ends_nobody(
    flag: KillFlagFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst moment: its number was read, what was adopted was not."""
    pread = os.pread

    def cut_after(descriptor: int, size: int, place: int) -> bytes:
        found = pread(descriptor, size, place)
        os.truncate(path, 0)
        return found

    monkeypatch.setattr(os, "pread", cut_after)

    assert flag.is_raised()
    assert flag.keys() == {"all/"}


def test_a_disk_that_cannot_be_read_stops_everybody(
    flag: KillFlagFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: int) -> bytes:
        raise OSError("the disk is gone")

    monkeypatch.setattr(os, "pread", broken)

    assert flag.is_raised()
    assert flag.keys() == {"all/"}
    assert flag.read() is None


def test_the_gates_look_asks_for_two_words_and_nothing_else(
    flag: KillFlagFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    pread = os.pread

    def counted(descriptor: int, size: int, place: int) -> bytes:
        asked.append(size)
        return pread(descriptor, size, place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", counted)
        patch.delattr(os, "fstat")
        patch.delattr(os, "stat")
        is_raised = flag.is_raised()

    assert not is_raised
    assert asked == [8, 8]


@pytest.mark.parametrize(
    ("change", "ordered"),
    [(removed, ["one"]), (replaced, ["one"]), (cut, ["before one", "one"])],
)
def test_a_kill_is_ordered_in_the_file_that_has_the_name_when_it_is_done(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    ordered: list[str],
) -> None:
    pwrite = os.pwrite
    changes = [change, change]

    def taken_away(descriptor: int, content: bytes, place: int) -> int:
        written = pwrite(descriptor, content, place)
        if changes:
            changes.pop()(path)
        return written

    monkeypatch.setattr(os, "pwrite", taken_away)
    order_kill(path, kill("one", of_account("A1")))

    later = KillFlagFile(path)
    assert later.is_raised()
    assert orders(later) == ordered
    later.close()


def test_a_flag_that_is_taken_away_again_and_again_is_not_said_to_be_raised(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite = os.pwrite

    def taken_away(descriptor: int, content: bytes, place: int) -> int:
        path.unlink()
        return pwrite(descriptor, content, place)

    monkeypatch.setattr(os, "pwrite", taken_away)
    with pytest.raises(OSError, match="was taken away 10 times"):
        order_kill(path, kill())


def test_a_number_is_adopted_once_a_server_has_lowered_it(flag: KillFlagFile, path: Path) -> None:
    first = order_kill(path, kill("one"))
    assert not is_adopted(path, first)
    flag.lower(first)
    second = order_kill(path, kill("two"))

    assert is_adopted(path, first)
    assert not is_adopted(path, second)
    replaced(path)
    assert not is_adopted(path, first)
    cut(path)
    assert not is_adopted(path, first)


def test_the_number_after_the_last_one_is_not_adopted_by_that(path: Path) -> None:
    order_kill(path, kill())
    overwrite(path, ADOPTED, b"\xff" * 8)

    assert not is_adopted(path, order_kill(path, kill()))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_device(path: Path) -> None:
    """It reads as a flag that is down."""
    path.unlink()
    path.symlink_to("/dev/zero")


def a_link_to_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def mend(path: Path) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()


@pytest.mark.parametrize("change", [a_folder, a_device, a_link_to_nowhere])
def test_one_that_cannot_be_opened_any_more_stops_everybody_until_it_can(
    flag: KillFlagFile, path: Path, change: Callable[[Path], None]
) -> None:
    change(path)

    for _ in range(2):
        with pytest.raises(OSError, match=str(path)):
            flag.renew()
        assert flag.is_raised()
        assert flag.keys() == {"all/"}
        assert flag.read() is None, "nobody ordered anything"
    mend(path)

    assert flag.renew()
    assert not flag.is_raised()
    order_kill(path, kill("new", of_account("A1")))
    assert flag.keys() == {"account/A1"}


def test_one_that_nobody_may_open_stops_everybody_until_somebody_may(
    flag: KillFlagFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced(path)

    def refused(*_: object) -> int:
        raise PermissionError("not allowed")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        with pytest.raises(PermissionError):
            flag.renew()
        assert flag.is_raised()

    assert flag.renew()
    assert not flag.is_raised()


def test_what_the_old_file_orders_while_no_other_can_be_opened_is_adopted(
    flag: KillFlagFile, path: Path
) -> None:
    """Whoever ordered it had opened that one before it was taken away."""
    away = path.with_name("away")
    path.rename(away)
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        flag.renew()

    number = order_kill(away, kill("one", of_account("A1")))

    assert orders(flag) == ["one"]
    assert flag.keys() == {"all/"}
    flag.lower(number)
    assert flag.read() is None
    assert flag.is_raised()


def test_one_that_orders_something_gives_way_to_no_other(flag: KillFlagFile, path: Path) -> None:
    order_kill(path, kill("one", of_account("A1")))
    replaced(path)

    assert not flag.renew()
    assert orders(flag) == ["one"]


def test_what_is_no_file_is_no_flag_at_the_start_and_takes_no_kill(path: Path) -> None:
    path.symlink_to("/dev/zero")

    for use in (lambda: order_kill(path, kill()), lambda: KillFlagFile(path)):
        with pytest.raises(OSError, match="Not a regular file"):
            use()
