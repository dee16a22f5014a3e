"""Where the keys of the ring are kept: as settings name them, or in files of our own.

A place gives all keys that the next start would find. Whoever changes a key asks it for nothing else, so
that a process may die at any moment of a change.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from phalanx.access.vault.envelope import KeyEncryptionKey
from phalanx.access.vault.errors import VaultCode, VaultError
from phalanx.access.vault.key_sources import (
    file_error,
    key_from,
    key_from_file,
    make_key_file,
    sync_folder,
)
from phalanx.domain.time import Clock, Random

FILE: Final = "access.key"
NEXT: Final = "access.key.next"
OLD: Final = "access.key.old"
_FILE_KIND: Final = "file:"
_is_half_made: Final = re.compile(r"access\.key(\.next)?\.[0-9a-f]{16}", re.ASCII).fullmatch
"""The names under which `make_key_file` writes a key before it gets its own."""


class KeyPlace(Protocol):
    """Where keys are kept. Every call may raise the errors of `key_sources`."""

    @property
    def is_unfinished(self) -> bool:
        """Whether a change of the key was begun here and is not at its end."""
        ...

    def read(self) -> tuple[KeyEncryptionKey, ...]:
        """All keys that are kept, each once, first the one that is to seal."""
        ...

    def tidy(self) -> None:
        """Remove what a process that died left half made. Only while no key is being drawn here."""
        ...

    def draw(self) -> None:
        """See to it that another key is to seal, where that is ours to do. Raises KEK_IN_USE."""
        ...

    def settle(self) -> None:
        """Everything that opens is wrapped by the first key now."""
        ...

    def forget(self, needed: Container[str]) -> None:
        """Keep no older key that is not among the ``needed`` ids, where that is ours to do."""
        ...


class NamedSources:
    """Keys that somebody else keeps, where settings say. They are changed there: here nothing is written."""

    is_unfinished = False

    def __init__(
        self, source: str, older: Sequence[str], environment: Mapping[str, str], clock: Clock
    ) -> None:
        """``source`` of the key that seals, and sources of ``older`` ones, as `key_from` takes them."""
        self._source = source
        self._older = tuple(older)
        self._environment = environment
        self._clock = clock

    def read(self) -> tuple[KeyEncryptionKey, ...]:
        """As `KeyPlace.read`. An older file that is not there yet, or not any more, is passed over."""
        sources = (self._source, *filter(_is_there, self._older))
        return _unique(key_from(source, self._environment, self._clock) for source in sources)

    def tidy(self) -> None:
        """Nothing is made here."""

    def draw(self) -> None:
        """The new key is put into its place by whoever keeps it."""

    def settle(self) -> None:
        """Nothing is kept here."""

    def forget(self, needed: Container[str]) -> None:
        """Nothing is kept here."""


class OwnFiles:
    """Files beside ``access.db``: the key, during a change the next one, and the old one while it is needed.

    The server draws these keys itself. Each change of a file is whole and on disk, or was not made:

        draw      access.key.next is made
        settle    access.key.old is made, the same file as access.key; access.key.next takes the name
                  access.key
        forget    access.key.old is removed
    """

    def __init__(self, folder: Path, sealed: Path, random: Random) -> None:
        """``sealed``: the database; where it is there already, a key that is missing is not made anew."""
        self._key, self._next, self._old = folder / FILE, folder / NEXT, folder / OLD
        self._sealed = sealed
        self._random = random

    @property
    def is_unfinished(self) -> bool:
        """As `KeyPlace.is_unfinished`."""
        return self._next.exists() or self._old.exists()

    def read(self) -> tuple[KeyEncryptionKey, ...]:
        """As `KeyPlace.read`; makes the first key of a new folder."""
        if not self._key.exists():
            if self._sealed.exists():
                detail = f"{self._key} is not there, and {self._sealed.name} needs it: put it back"
                raise VaultError(VaultCode.KEY_FILE_UNREADABLE, detail)
            make_key_file(self._key, self._random)
        there = [path for path in (self._next, self._key, self._old) if path.exists()]
        return _unique(map(key_from_file, there))

    def tidy(self) -> None:
        """As `KeyPlace.tidy`: files that were to become ``access.key`` or ``access.key.next``.

        A key seals only once it has one of the three names. So a file beside them is either a second name
        of such a key or was never used; of the latter only what was to be ``access.key.next`` is removed:
        anything else may be a copy that somebody keeps there.
        """
        ours = {_identity(path) for path in (self._key, self._next, self._old)} - {None}
        for path in sorted(self._key.parent.glob(f"{FILE}.*")):
            found = _is_half_made(path.name)
            if found is None or path.is_symlink() or not path.is_file():
                continue
            if found[1] or _identity(path) in ours:
                with _changing(path):
                    path.unlink()

    def draw(self) -> None:
        """As `KeyPlace.draw`."""
        if self._old.exists():
            detail = f"records that could not be rewrapped still need {self._old}"
            raise VaultError(VaultCode.KEK_IN_USE, detail)
        make_key_file(self._next, self._random)

    def settle(self) -> None:
        """As `KeyPlace.settle`. Where yet another old key is kept, it can wait."""
        if not self._next.exists():
            return
        if not self._old.exists():
            self._keep()
        if key_from_file(self._old).id == key_from_file(self._key).id:
            self._swap()

    def forget(self, needed: Container[str]) -> None:
        """As `KeyPlace.forget`."""
        if self._old.exists() and key_from_file(self._old).id not in needed:
            self._remove_old()

    def _keep(self) -> None:
        with _changing(self._old):
            self._old.hardlink_to(self._key)

    def _swap(self) -> None:
        with _changing(self._key):
            self._next.replace(self._key)

    def _remove_old(self) -> None:
        with _changing(self._old):
            self._old.unlink()


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file has this name, whatever else it is called; None for none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _changing(path: Path) -> Iterator[None]:
    """A change of a name, which is on disk at the end. Raises KEY_FILE_UNREADABLE."""
    try:
        yield
        sync_folder(path.parent)
    except OSError as error:
        raise file_error(path, error) from None


def _is_there(source: str) -> bool:
    """Whether a source is no file, or one that exists."""
    return not source.startswith(_FILE_KIND) or Path(source.removeprefix(_FILE_KIND)).exists()


def _unique(keks: Iterable[KeyEncryptionKey]) -> tuple[KeyEncryptionKey, ...]:
    return tuple({kek.id: kek for kek in keks}.values())
