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
    KillFlagFull,
    MappedKillFlag,
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
def flag(path: Path) -> Iterator[MappedKillFlag]:
    mapped = MappedKillFlag(path)
    yield mapped
    mapped.close()


def kill(name: str = "one", scope: KillScope = EVERYBODY, *, cancel: bool = True) -> DirectKill:
    return DirectKill(name, scope, "local", f"note of {name}", 5, cancel)


def orders(flag: MappedKillFlag) -> list[str]:
    raised = flag.read()
    return [] if raised is None else [one.id for one in raised.kills]


def overwrite(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def test_a_new_flag_is_down_and_has_its_full_size(flag: MappedKillFlag, path: Path) -> None:
    assert not flag.is_raised()
    assert path.stat().st_size == SIZE
    assert path.stat().st_blocks * 512 >= SIZE, "it has its room on the disk"


def test_a_server_that_has_it_open_sees_it_go_up(flag: MappedKillFlag, path: Path) -> None:
    ordered = kill(scope=of_account("A1"), cancel=False)

    order_kill(path, ordered)

    assert flag.is_raised()
    assert flag.keys() == {"account/A1"}
    raised = flag.read()
    assert raised is not None
    assert raised.kills == (ordered,)


def test_it_goes_up_where_no_server_ever_was(path: Path) -> None:
    order_kill(path, kill())

    later = MappedKillFlag(path)
    assert later.is_raised()
    assert later.keys() == {"all/"}
    later.close()


def test_it_stays_down_for_later_servers_once_it_was_lowered(
    flag: MappedKillFlag, path: Path
) -> None:
    order_kill(path, kill())
    raised = flag.read()
    assert raised is not None

    flag.lower(raised.number)

    assert not flag.is_raised()
    later = MappedKillFlag(path)
    assert not later.is_raised()
    later.close()


def test_kills_that_wait_are_kept_beside_a_new_one(flag: MappedKillFlag, path: Path) -> None:
    order_kill(path, kill("one", of_account("A1")))
    order_kill(path, kill("two", KillScope(KillLevel.BROKER, "paper")))

    assert orders(flag) == ["one", "two"]
    assert flag.keys() == {"account/A1", "broker/paper"}


def test_what_was_adopted_is_not_ordered_again_by_the_next_kill(
    flag: MappedKillFlag, path: Path
) -> None:
    order_kill(path, kill("one", of_account("A1")))
    raised = flag.read()
    assert raised is not None
    flag.lower(raised.number)

    order_kill(path, kill("two"))

    assert orders(flag) == ["two"]


def test_a_kill_that_comes_while_one_is_adopted_keeps_the_flag_up(
    flag: MappedKillFlag, path: Path
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
    flag: MappedKillFlag, path: Path, first: bool, second: bool, kept: list[str]
) -> None:
    order_kill(path, kill("one", cancel=first))
    order_kill(path, kill("two", cancel=second))

    assert orders(flag) == kept


@pytest.mark.parametrize("length", [8, 12, 16, 20, 60])
def test_a_torn_write_stops_everybody(flag: MappedKillFlag, path: Path, length: int) -> None:
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
    flag: MappedKillFlag, path: Path, place: int
) -> None:
    order_kill(path, kill("one", of_account("A1")))
    byte = path.read_bytes()[place]

    overwrite(path, place, bytes([byte ^ 0x40]))

    assert flag.is_raised()
    assert flag.keys() == ({"account/A1"} if place == ADOPTED else {"all/"})


def test_what_is_being_written_is_not_adopted_yet(flag: MappedKillFlag, path: Path) -> None:
    order_kill(path, kill("one", of_account("A1")))
    overwrite(path, 20, b"?")

    with path.open("r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert flag.read() is None
        assert flag.keys() == {"all/"}

    assert flag.read() is not None


def test_over_an_unreadable_flag_a_kill_stops_everybody(flag: MappedKillFlag, path: Path) -> None:
    order_kill(path, kill("one", of_account("A1")))
    overwrite(path, 20, b"?")

    order_kill(path, kill("two", of_account("A2")))

    assert flag.keys() == {"all/", "account/A2"}


def test_content_that_is_no_kill_is_torn(flag: MappedKillFlag, path: Path) -> None:
    head = struct.pack("=QII", 1, kill_flag._checksum(1, b"{}"), 2)
    overwrite(path, 0, head + b"{}")

    assert flag.keys() == {"all/"}


def test_it_says_when_it_is_full(path: Path) -> None:
    def fill() -> None:
        for number in range(1_000):
            order_kill(path, kill(f"{number}", of_account(f"{number:0100}")))

    with pytest.raises(KillFlagFull):
        fill()

    mapped = MappedKillFlag(path)
    assert len(orders(mapped)) > 50
    order_kill(path, kill("last"))
    assert mapped.keys() == {"all/"}
    mapped.close()


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


def test_a_server_needs_no_lock_to_lower_it(flag: MappedKillFlag, path: Path) -> None:
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
    flag: MappedKillFlag, path: Path
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


@pytest.mark.parametrize("change", [removed, replaced, cut])
def test_a_kill_in_a_file_that_took_its_place_is_seen_once_it_is_renewed(
    flag: MappedKillFlag, path: Path, change: Callable[[Path], None]
) -> None:
    change(path)

    assert flag.renew()
    assert not flag.is_raised()
    assert path.stat().st_size == SIZE
    order_kill(path, kill("new", of_account("A1")))

    assert flag.keys() == {"account/A1"}
    assert orders(flag) == ["new"]
    assert not flag.renew(), "it is the one that has the name"


def test_a_kill_that_was_in_the_new_file_already_is_seen(flag: MappedKillFlag, path: Path) -> None:
    path.unlink()
    order_kill(path, kill("new"))
    assert not flag.is_raised()

    assert flag.renew()
    assert flag.is_raised()
    assert orders(flag) == ["new"]


@pytest.mark.parametrize("length", [0, 100, ADOPTED])
def test_a_file_that_was_cut_stops_everybody_until_it_is_mapped_anew(
    flag: MappedKillFlag, path: Path, length: int
) -> None:
    os.truncate(path, length)

    assert flag.is_raised()
    assert flag.keys() == {"all/"}
    assert flag.read() is None
    assert flag.renew()
    assert not flag.is_raised()


def test_a_number_is_adopted_once_a_server_has_lowered_it(flag: MappedKillFlag, path: Path) -> None:
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
