"""A new key takes over, wherever the process dies on the way: the next start opens everything."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import update

from phalanx.access.access import Access
from phalanx.access.database import writing
from phalanx.access.notes import Notes
from phalanx.access.tables import credentials
from phalanx.access.vault import key_places, rewrap
from phalanx.access.vault.errors import VaultCode, VaultError
from phalanx.access.vault.key_places import FILE, NEXT, OLD, KeyPlace, NamedSources, OwnFiles
from phalanx.access.vault.keyring import Keyring
from phalanx.access.vault.rewrap import Rewrapping
from phalanx.domain.audit import Act
from tests.canary import CANARY
from tests.fakes.clock import ManualClock
from tests.unit.access.vault.rig import RepeatableRandom, key_bytes, revealed, secrets

LOGINS = [f"dealer-{number}" for number in range(5)]
SEALED = len(LOGINS) + 1
"""The key that signs tokens is sealed too."""


LIVES = count()


class Died(Exception):
    """The process is gone: nobody does anything more."""


def own(folder: Path) -> KeyPlace:
    return OwnFiles(folder, folder / "access.db", chance())


def chance() -> RepeatableRandom:
    """Of each life another one: a second life must not draw the keys of the first."""
    return RepeatableRandom(str(next(LIVES)))


def named(folder: Path) -> KeyPlace:
    source, older = f"file:{folder / 'kek'}", (f"file:{folder / 'kek.old'}",)
    return NamedSources(source, older, {}, ManualClock())


def keep(path: Path, key: str) -> None:
    path.write_bytes(key_bytes(key))
    path.chmod(0o600)


@contextmanager
def opened(folder: Path, place: Callable[[Path], KeyPlace] = own) -> Iterator[Access]:
    """A life of the process; what it is in the middle of is over when it dies."""
    access = Access.open(folder, place(folder), ManualClock(), chance(), lambda *_: None)
    try:
        yield access
    finally:
        access.directory.store.close()


def fill(access: Access) -> None:
    for login in LOGINS:
        access.credentials.put(login, "stub", secrets(password=CANARY), expected=0, by="ann")


def assert_all_open(access: Access) -> None:
    for login in LOGINS:
        assert revealed(access.credentials.read(login, "desk", "a test")) == {"password": CANARY}


def noted(access: Access) -> list[tuple[Act, str]]:
    """What waits for the journal: the act, and whom it is about."""
    return [(note.act, note.subject) for note in Notes(access.store).waiting()]


def key_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("access.key*"))


def test_a_new_key_is_drawn_and_seals_everything(tmp_path: Path) -> None:
    with opened(tmp_path) as access:
        fill(access)
        old = access.keyring.current_id
        done = access.rotation.run()

        assert (done.rewrapped, done.failed, done.retired, done.older) == (SEALED, 0, (old,), ())
        assert access.keyring.ids == (done.current,)
        assert access.rewrapping.in_use() == {done.current: SEALED}
        assert key_files(tmp_path) == [FILE]
        assert_all_open(access)
        assert noted(access) == [(Act.KEK_ROTATED, done.current)]
        access.rotation.forget_note(done)
    with opened(tmp_path) as access:
        assert noted(access) == []
        assert access.keyring.ids == (done.current,)
        assert_all_open(access)


@pytest.mark.parametrize("by", ["the next start", "the next change"])
def test_a_key_that_was_half_drawn_when_the_process_died_is_removed(
    tmp_path: Path, by: str
) -> None:
    left = tmp_path / f"{NEXT}.{'0' * 16}"
    with opened(tmp_path) as access:
        fill(access)
        keep(left, "half drawn")
        if by == "the next change":
            access.rotation.run()
            assert key_files(tmp_path) == [FILE]
    with opened(tmp_path) as access:
        assert key_files(tmp_path) == [FILE]
        assert_all_open(access)


STEPS: dict[str, tuple[object, str]] = {
    "draw": (OwnFiles, "draw"),
    "ring": (Keyring, "take"),
    "rewrap": (Rewrapping, "run"),
    "keep": (OwnFiles, "_keep"),
    "swap": (OwnFiles, "_swap"),
    "settle": (OwnFiles, "settle"),
    "retire": (Rewrapping, "retire"),
    "remove": (OwnFiles, "_remove_old"),
    "forget": (OwnFiles, "forget"),
    "sync": (key_places, "sync_folder"),
    "batch": (rewrap, "writing"),
}
DEATHS = [
    *((step, when, 1) for step in STEPS for when in ("before", "after")),
    *(("sync", "before", time) for time in (2, 3)),
    *(("batch", "before", time) for time in range(2, 9)),
]


def dies(step: str, when: str, time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies before or after the step is done for that time; every batch is one record."""
    where, name = STEPS[step]
    does: Callable[..., Any] = getattr(where, name)
    times = iter(range(1, 1_000))

    def died(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  whatever the step takes
        is_it = next(times) == time
        if is_it and when == "before":
            raise Died
        result = does(*arguments, **named)
        if is_it:
            raise Died
        return result

    monkeypatch.setattr(where, name, died)


@pytest.mark.parametrize(("step", "when", "time"), DEATHS)
def test_a_process_that_dies_anywhere_leaves_everything_open_to_the_next_one(
    tmp_path: Path, step: str, when: str, time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Rewrapping.run
    with opened(tmp_path) as access:
        fill(access)
        old = access.keyring.current_id
        with monkeypatch.context() as patched:
            patched.setattr(Rewrapping, "run", lambda self: run(self, 1))
            dies(step, when, time, patched)
            with pytest.raises(Died):
                access.rotation.run()

    with opened(tmp_path) as access:
        assert_all_open(access)
        assert key_files(tmp_path) == [FILE], "what was begun is finished"
        is_begun = (step, when) != ("draw", "before")
        assert (access.keyring.ids != (old,)) is is_begun
        assert noted(access) == [(Act.KEK_ROTATED, access.keyring.current_id)] * is_begun
        assert access.rewrapping.in_use() == {access.keyring.current_id: SEALED}
        again = access.rotation.run()
        assert (again.rewrapped, again.failed) == (SEALED, 0)
    with opened(tmp_path) as access:
        assert_all_open(access)


def test_a_start_that_dies_while_it_finishes_leaves_it_to_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as access, monkeypatch.context() as patched:
        fill(access)
        dies("ring", "before", 1, patched)
        with pytest.raises(Died):
            access.rotation.run()
    for step in ("rewrap", "keep", "swap", "retire", "remove"):
        with monkeypatch.context() as patched:
            dies(step, "before", 1, patched)
            with pytest.raises(Died), opened(tmp_path):
                pass
    assert key_files(tmp_path) == [FILE, OLD]

    with opened(tmp_path) as access:
        assert_all_open(access)
        (note,) = Notes(access.store).waiting()
    assert key_files(tmp_path) == [FILE]
    assert (note.act, note.subject) == (Act.KEK_ROTATED, access.keyring.current_id)
    assert access.left == (note,)
    # The starts before rewrapped them, and had no time to note that.
    assert note.detail == "0 records; finished by a start"


def test_what_cannot_be_rewrapped_keeps_its_key_until_it_is_gone(tmp_path: Path) -> None:
    with opened(tmp_path) as access:
        fill(access)
        old = access.keyring.current_id
        with writing(access.directory.store.engine) as connection:
            broken = credentials.c.login == LOGINS[0]
            connection.execute(update(credentials).where(broken).values(wrapped_key=b"x"))
        done = access.rotation.run()

        assert (done.failed, done.failures) == (1, (f"credentials/{LOGINS[0]}: CANNOT_UNSEAL",))
        assert (done.retired, done.older) == ((), (old,))
        access.rotation.forget_note(done)
        assert key_files(tmp_path) == [FILE, OLD]
        with pytest.raises(VaultError) as caught:
            access.rotation.run()
        assert caught.value.code == VaultCode.KEK_IN_USE

    with opened(tmp_path) as access:
        assert access.keyring.ids == (done.current, old)
        assert noted(access) == [], "a start that could do no more finished nothing"
        access.credentials.forget(LOGINS[0])
        again = access.rotation.run()
        assert set(again.retired) == {done.current}
        assert key_files(tmp_path) == [FILE]


def test_two_do_not_change_the_key_at_a_time_and_none_does_after_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = Event(), Event()
    run = Rewrapping.run

    def waits(rewrapping: Rewrapping) -> object:
        begun.set()
        assert go_on.wait(60)
        return run(rewrapping)

    with opened(tmp_path) as access, ThreadPoolExecutor(2) as pool:
        fill(access)
        monkeypatch.setattr(Rewrapping, "run", waits)
        first = pool.submit(access.rotation.run)
        assert begun.wait(60)
        with pytest.raises(VaultError) as caught:
            access.rotation.run()
        assert caught.value.code == VaultCode.REKEY_UNDER_WAY

        closing = pool.submit(access.rotation.close)
        go_on.set()
        assert first.result().rewrapped == SEALED
        closing.result()
        with pytest.raises(VaultError, match="REKEY_UNDER_WAY"):
            access.rotation.run()


class TestNamedSources:
    def test_a_key_that_its_keeper_changed_takes_over(self, tmp_path: Path) -> None:
        keep(tmp_path / "kek", "one")
        with opened(tmp_path, named) as access:
            fill(access)
            old = access.keyring.current_id
            keep(tmp_path / "kek.old", "one")
            keep(tmp_path / "kek", "two")
            done = access.rotation.run()

            assert (done.rewrapped, done.retired, done.older) == (SEALED, (old,), ())
            assert_all_open(access)
        (tmp_path / "kek.old").unlink()
        with opened(tmp_path, named) as access:
            assert_all_open(access)

    def test_nothing_is_sealed_anew_while_the_old_key_is_kept_nowhere(self, tmp_path: Path) -> None:
        keep(tmp_path / "kek", "one")
        with opened(tmp_path, named) as access:
            fill(access)
            old = access.keyring.current_id
            keep(tmp_path / "kek", "two")

            with pytest.raises(VaultError, match=old) as caught:
                access.rotation.run()
            assert caught.value.code == VaultCode.KEK_NOT_KEPT
            assert access.rewrapping.in_use() == {old: SEALED}
            assert access.keyring.ids == (old,)

    def test_the_same_key_again_changes_nothing(self, tmp_path: Path) -> None:
        keep(tmp_path / "kek", "one")
        with opened(tmp_path, named) as access:
            fill(access)
            done = access.rotation.run()

            assert (done.rewrapped, done.retired) == (0, ())
            assert_all_open(access)

    @pytest.mark.parametrize("time", range(1, 8))
    def test_a_process_that_dies_in_the_middle_starts_with_both_keys(
        self, tmp_path: Path, time: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keep(tmp_path / "kek", "one")
        run = Rewrapping.run
        with opened(tmp_path, named) as access, monkeypatch.context() as patched:
            fill(access)
            keep(tmp_path / "kek.old", "one")
            keep(tmp_path / "kek", "two")
            patched.setattr(Rewrapping, "run", lambda self: run(self, 1))
            dies("batch", "before", time, patched)
            with pytest.raises(Died):
                access.rotation.run()

        with opened(tmp_path, named) as access:
            assert_all_open(access)
            assert access.rotation.run().failed == 0
            assert access.rewrapping.in_use() == {access.keyring.current_id: SEALED}


def test_a_key_that_was_drawn_and_never_used_is_used_by_the_next_start(tmp_path: Path) -> None:
    with opened(tmp_path) as access:
        fill(access)
    place = own(tmp_path)
    place.draw()
    drawn = place.read()[0].id
    assert key_files(tmp_path) == [FILE, NEXT]

    with opened(tmp_path) as access:
        assert access.keyring.ids == (drawn,)
        assert_all_open(access)
