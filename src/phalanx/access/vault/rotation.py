"""The way from one key-encryption key to the next: while everybody works, and whenever the process dies.

    draw      another key is to seal; where it is kept, it is kept before anything is sealed with it
    ring      it seals, and all others that are kept still open
    rewrap    it wraps every data key
    settle    its place is the first one
    retire    keys that wrap nothing any more leave the ring, then their place

Until the last step all keys that wrap anything are kept, so that any start opens everything; what was begun
is finished then. Every step may be done again. Before the last step it is noted, so that the next start
journals what nobody came to journal.
"""

from threading import Lock
from typing import Final

import msgspec
from sqlalchemy import Engine

from phalanx.access.database import writing
from phalanx.access.notes import take_back, write_note
from phalanx.access.vault.errors import VaultCode, VaultError
from phalanx.access.vault.key_places import KeyPlace
from phalanx.access.vault.keyring import Keyring
from phalanx.access.vault.rewrap import Rewrapped, Rewrapping
from phalanx.access.vault.sql_credentials import storing
from phalanx.domain.audit import Act
from phalanx.domain.time import Clock

_UNTOLD: Final = "not journaled when it was done"


class Rotated(msgspec.Struct, frozen=True):
    """What a rotation came to. ``current`` seals now; ``retired`` are off the ring, ``older`` still on it.

    Of ``failures``, each ``table/key: code``, are as many as `Rewrapped` shows.
    """

    current: str
    rewrapped: int
    failed: int
    failures: tuple[str, ...]
    retired: tuple[str, ...]
    older: tuple[str, ...]


class Rotation:
    """Changes the key of a ring. Thread-safe; one change at a time."""

    def __init__(
        self,
        place: KeyPlace,
        keyring: Keyring,
        rewrapping: Rewrapping,
        engine: Engine,
        clock: Clock,
    ) -> None:
        """``engine``: of the database whose things ``rewrapping`` knows; it keeps the note."""
        self._place = place
        self._keyring = keyring
        self._rewrapping = rewrapping
        self._engine = engine
        self._clock = clock
        self._running = Lock()

    def run(self) -> Rotated:
        """Seal with the key that is kept first now, a new one where it is ours to draw.

        Once the journal has it, `forget_note` is to be called. Raises REKEY_UNDER_WAY, KEK_NOT_KEPT,
        KEK_IN_USE, TOO_MANY_KEKS, STORE_FAILED, and what the place raises; then everything still opens, and
        it may be run again.
        """
        if not self._running.acquire(blocking=False):
            raise VaultError(VaultCode.REKEY_UNDER_WAY, "the key is being changed already")
        try:
            self._place.tidy()
            if self._place.is_unfinished:
                self._finish(_UNTOLD)
            self._place.draw()
            return self._finish(_UNTOLD)
        finally:
            self._running.release()

    def resume(self) -> None:
        """Finish what a process that died had begun. Raises as `run` does."""
        with self._running:
            self._place.tidy()
            if self._place.is_unfinished:
                self._finish("finished by a start")

    def forget_note(self, done: Rotated) -> None:
        """The journal has it: the note need not stay. Raises STORE_FAILED."""
        with storing(), writing(self._engine) as connection:
            take_back(connection, Act.KEK_ROTATED, done.current)

    def close(self) -> None:
        """Wait for a change that is under way; there is none after it."""
        self._running.acquire()

    def _finish(self, how: str) -> Rotated:
        """``how`` it was done, for the note."""
        keks = self._place.read()
        self._check_kept({kek.id for kek in keks})
        self._keyring.take(keks)
        done = self._rewrapping.run()
        self._place.settle()
        retired = self._retire()
        current, *older = self._keyring.ids
        if done.rewrapped or retired:
            self._note(current, f"{done.rewrapped} records; {how}")
        self._place.forget({current, *older})
        return _rotated(current, done, retired, tuple(older))

    def _note(self, current: str, detail: str) -> None:
        """In place of what was noted of the same key when the last step was not reached."""
        with storing(), writing(self._engine) as connection:
            take_back(connection, Act.KEK_ROTATED, current)
            write_note(connection, self._clock.now(), Act.KEK_ROTATED, current, detail)

    def _check_kept(self, kept: set[str]) -> None:
        """Raises KEK_NOT_KEPT: were we to die in the middle, nobody could open the rest."""
        needed = self._rewrapping.in_use().keys() & set(self._keyring.ids)
        if lost := sorted(needed - kept):
            why = "which a start would not find: keep it as an older key"
            detail = f"sealed records need {', '.join(lost)}, {why}"
            raise VaultError(VaultCode.KEK_NOT_KEPT, detail)

    def _retire(self) -> tuple[str, ...]:
        retired = []
        for kek_id in self._keyring.ids[1:]:
            try:
                self._rewrapping.retire(kek_id)
            except VaultError as error:
                if error.code != VaultCode.KEK_IN_USE:
                    raise
            else:
                retired.append(kek_id)
        return tuple(retired)


def _rotated(
    current: str, done: Rewrapped, retired: tuple[str, ...], older: tuple[str, ...]
) -> Rotated:
    return Rotated(current, done.rewrapped, done.failed, done.failures, retired, older)
