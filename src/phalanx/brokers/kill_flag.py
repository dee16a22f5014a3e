"""The kill flag: how ``kill --direct`` stops orders past a server that hangs, or is not there.

A small file of fixed size in the data folder, written in place, so that a server that has it open sees
every change in the instant it is made. Where somebody removed or replaced it all the same, whoever kills
writes the file that then has the name, and the server opens that one when it is next told to renew. It
has two writers, and they share no byte: a stopped process that wakes up inside a write can undo nothing.

    0      number 8 | crc32 4 | length 4 | JSON of the kills    whoever orders a kill, under a flock
    28 K   number adopted 8                                     the server, once its journal has them

The flag is up while the two numbers differ, or cannot be read whole. What then cannot be read stops
everybody. Numbers are in the machine's own byte order. It is read, never mapped: to read a mapped file
past an end that somebody has just made ends the process.

The file gets its name at its full size, so one that is shorter was cut, and nobody knows what it ordered.
That is a kill of everybody, adopted like any other before the file is whole again. Whoever orders a kill
meanwhile writes one of everybody beside his, and then the server's number as he found it: all it may undo
is that the flag was lowered.

Where the file that has the name cannot be opened, or is none (a folder, a device), a kill that is ordered
would not be seen. Then the flag counts as up for everybody, from the server's next look until it has
opened one.

Whatever may write the folder may write a flag, so its texts come from anywhere: they are read as a door would
have taken them, so that what is adopted can be listed and lifted.
"""

import errno
import fcntl
import os
import secrets
import stat
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from phalanx.domain.kills import (
    EVERYBODY,
    DirectKill,
    KillKey,
    KillLevel,
    KillScope,
    RaisedFlag,
)
from phalanx.domain.names import NAME_CHARACTERS_MAX, fitting, fitting_note

FILE: Final = "kill.flag"
SIZE: Final = 32 * 1024
_ADOPTED: Final = 28 * 1024
_WORD: Final = 8
_HEAD: Final = struct.Struct("=QII")
_NUMBER: Final = struct.Struct("=Q")
_NUMBER_MAX: Final = 2**64 - 1
_TIME_MAX: Final = 2**63 - 1
BODY_BYTES_MAX: Final = _ADOPTED - _HEAD.size
LOCK_TRIES: Final = 100
LOCK_PAUSE_S: Final = 0.02
PLACE_TRIES: Final = 10
_OPEN: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""What takes the file's place may be a device that makes whoever opens it wait."""

_everybody: Final = frozenset({EVERYBODY.key})
_decode: Final = msgspec.json.Decoder(tuple[DirectKill, ...]).decode


class KillFlagFull(Exception):
    """So many kills wait to be adopted that the flag holds no further one."""


class KillFlagBusy(Exception):
    """Another process has been writing the flag for two seconds."""


class KillFlagFile:
    """The server's side: the flag's file, open. Not for several threads."""

    def __init__(self, path: Path) -> None:
        """Open the flag of a data folder; a folder that has none gets one, down. Raises OSError."""
        self._path = path
        self._descriptor = _opened(path)
        self._is_lost = False
        self._forget()

    def renew(self) -> bool:
        """Open the file anew where it was removed or replaced, and give one that was cut its size again;
        whether so. A file that orders something is left as it is: that would be lost.

        Raises OSError where that cannot be done: the flag then is up for everybody until it can.
        """
        if self._is_up():
            return False
        try:
            is_new = self._renewed()
        except OSError:
            self._is_lost = True
            raise
        self._is_lost = False
        return is_new

    def is_raised(self) -> bool:
        """Whether a kill was ordered that nobody has adopted, or could not be seen: two words are read
        and compared.

        What cannot be read is raised, as of a file that was cut.
        """
        return self._is_lost or self._is_up()

    def _renewed(self) -> bool:
        if _is_whole(self._path, self._descriptor):
            return False
        before, self._descriptor = self._descriptor, _opened(self._path)
        os.close(before)
        self._forget()
        # A file that is up and short says by its length that it was cut.
        if not self._is_up():
            _enlarge(self._descriptor)
        return True

    def _is_up(self) -> bool:
        """Whether the open file orders something."""
        try:
            ordered = os.pread(self._descriptor, _WORD, 0)
            adopted = os.pread(self._descriptor, _WORD, _ADOPTED)
        except OSError:
            return True
        return ordered != adopted or len(adopted) < _WORD

    def keys(self) -> frozenset[KillKey]:
        """Whom the raised flag stops; everybody, where it cannot be read."""
        is_read = not self._is_lost and self._is_parsed(self._content())
        return self._keys if is_read else _everybody

    def read(self) -> RaisedFlag | None:
        """What is to be adopted; None where that is nothing, while it is being written, or the disk
        cannot be read. What else cannot be read, as what was cut, kills everybody.
        """
        content = self._content() if self._is_up() else None
        if content is None:
            return None
        (number,) = _NUMBER.unpack(content[:_WORD].ljust(_WORD, b"\0"))
        if self._is_parsed(content):
            return RaisedFlag(number, self._kills)
        # Whoever was writing may have ended since, and this is half of it.
        if not self._is_free() or self._content() != content:
            return None
        return RaisedFlag(number, (self._unreadable(content, number),))

    def lower(self, number: int) -> None:
        """All that was ordered up to ``number`` is adopted; on disk when this returns. Raises OSError."""
        os.pwrite(self._descriptor, _NUMBER.pack(number), _ADOPTED)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._descriptor)
        self._descriptor = -1

    def _forget(self) -> None:
        self._head = b""
        self._kills: tuple[DirectKill, ...] = ()
        self._keys: frozenset[KillKey] = frozenset()

    def _content(self) -> bytes | None:
        """The file, as much of it as there is; None where nothing can be read."""
        try:
            return os.pread(self._descriptor, SIZE, 0)
        except OSError:
            return None

    def _unreadable(self, content: bytes, number: int) -> DirectKill:
        """What stands for kills that cannot be read. Its id is that of this damage: the same one is
        adopted once, and what is cut again is another kill.
        """
        if len(content) < SIZE:
            mine = os.fstat(self._descriptor)
            id, what = f"cut-{mine.st_ino}-{mine.st_mtime_ns}", "was cut"
        else:
            id, what = f"{crc32(content[:_ADOPTED]):08x}-{number}", "cannot be read"
        return DirectKill(id, EVERYBODY, "desk", f"the kill flag {what}: it stops everybody", 0)

    def _is_parsed(self, content: bytes | None) -> bool:
        """Whether what is kept is what the file says; it is parsed only when its head has changed."""
        if content is None or len(content) < SIZE:
            return False
        head = content[: _HEAD.size]
        if head == self._head:
            return True
        kills = _parsed(content[:_ADOPTED])
        if kills is None:
            return False
        self._head, self._kills = head, kills
        self._keys = frozenset(kill.scope.key for kill in kills)
        return True

    def _is_free(self) -> bool:
        """Whether nobody is writing."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return True


def order_kill(path: Path, kill: DirectKill) -> int:
    """Raise the flag, beside the kills that wait there already; on disk when this returns its number.

    Raises KillFlagBusy, KillFlagFull, OSError.
    """
    for _ in range(PLACE_TRIES):
        descriptor = _opened(path)
        try:
            with _locked(descriptor):
                ordered = _order(path, descriptor, kill)
                is_whole = _is_whole(path, descriptor)
        finally:
            os.close(descriptor)
        if is_whole:
            _sync_folder(path.parent)
            return ordered
        # A kill in a file that is no longer the flag would be nobody's; twice it is one, by its id.
    raise OSError(f"{path} was taken away {PLACE_TRIES} times while it was written")


def _order(path: Path, descriptor: int, kill: DirectKill) -> int:
    """Write the kill beside those that wait; the number under which they do."""
    content = os.pread(descriptor, SIZE, 0)
    found = content.ljust(SIZE, b"\0")
    number, *_ = _HEAD.unpack_from(found)
    (adopted,) = _NUMBER.unpack_from(found, _ADOPTED)
    is_down = number == adopted and len(content) >= _ADOPTED + _WORD
    waiting = [] if is_down else _waiting(content, kill)
    ordered: int = max(number, adopted) % _NUMBER_MAX + 1
    region = _region(ordered, [*waiting, kill])
    if len(content) < SIZE:
        # In one write: a file that is longer and has no kill in it would hide that it was cut.
        region = region.ljust(_ADOPTED, b"\0") + found[_ADOPTED:]
    if os.pwrite(descriptor, region, 0) != len(region):
        raise OSError(f"{path} took only a part of the flag")
    os.fsync(descriptor)
    return ordered


def is_adopted(path: Path, number: int) -> bool:
    """Whether a server's journal has what was ordered up to ``number``. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        word = os.pread(descriptor, _WORD, _ADOPTED)
    finally:
        os.close(descriptor)
    if len(word) < _WORD:
        return False
    (adopted,) = _NUMBER.unpack(word)
    # Numbers begin again after the last one, so what counts is how far the one is past the other.
    return (int(adopted) - number) % (_NUMBER_MAX + 1) <= _NUMBER_MAX // 2


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """One writer at a time. Given back when the descriptor is closed, however that comes to be."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_S)
        else:
            yield
            return
    raise KillFlagBusy


def _waiting(content: bytes, kill: DirectKill) -> list[DirectKill]:
    """What nobody has adopted yet, but for what ``kill`` says again."""
    kills = _parsed(content[:_ADOPTED]) if len(content) == SIZE else None
    if kills is None:
        note = "the kill flag could not be read"
        kills = (DirectKill(f"before {kill.id}", EVERYBODY, kill.actor, note, kill.time),)
    return [one for one in kills if one.scope != kill.scope or (one.cancel and not kill.cancel)]


def _region(number: int, kills: Sequence[DirectKill]) -> bytes:
    """The first part, with the last of the kills; where it holds no more, one of everybody stands for all."""
    body = msgspec.json.encode(kills)
    if len(body) > BODY_BYTES_MAX and kills[-1].scope == EVERYBODY:
        body = msgspec.json.encode(kills[-1:])
    if len(body) > BODY_BYTES_MAX:
        raise KillFlagFull
    return _HEAD.pack(number, _checksum(number, body), len(body)) + body


def _parsed(region: bytes) -> tuple[DirectKill, ...] | None:
    """The kills in the first part, None when that is torn or altered."""
    number, checksum, length = _HEAD.unpack_from(region)
    body = region[_HEAD.size : _HEAD.size + length]
    if length != len(body) or checksum != _checksum(number, body):
        return None
    try:
        return tuple(map(_fitting, _decode(body)))
    except msgspec.DecodeError:
        return None


def _fitting(kill: DirectKill) -> DirectKill:
    """The same kill, with texts that a journal may keep and a terminal show."""
    # Two ids that are made fit must not become one: the second kill would count as adopted.
    id = kill.id
    if fitting(id, NAME_CHARACTERS_MAX) != id:
        id = sha256(id.encode()).hexdigest()
    return DirectKill(
        id,
        _fitting_scope(kill.scope),
        fitting(kill.actor, NAME_CHARACTERS_MAX),
        fitting_note(kill.note),
        min(max(kill.time, 0), _TIME_MAX),
        kill.cancel,
    )


def _fitting_scope(scope: KillScope) -> KillScope:
    """Whom it stops; everybody, where that is said or nobody is named."""
    if scope.level is KillLevel.ALL or not scope.name:
        return EVERYBODY
    return KillScope(scope.level, fitting(scope.name, NAME_CHARACTERS_MAX))


def _checksum(number: int, body: bytes) -> int:
    return crc32(body, crc32(_NUMBER.pack(number)))


def _is_whole(path: Path, descriptor: int) -> bool:
    """Whether this open file is still the one of that name, and nobody has cut it. Raises OSError."""
    mine = os.fstat(descriptor)
    try:
        return mine.st_size >= SIZE and os.path.samestat(path.stat(), mine)
    except FileNotFoundError:
        return False


def _opened(path: Path) -> int:
    """The file of that name; a folder that has none gets one, down. Raises OSError, also for what is no
    file: a device may read as a flag that is down.
    """
    try:
        descriptor = os.open(path, _OPEN)
    except FileNotFoundError:
        _make(path)
        descriptor = os.open(path, _OPEN)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return descriptor


def _make(path: Path) -> None:
    """A new file, which gets the name only when it is whole, and only where nobody else was first."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        _enlarge(descriptor)
        with suppress(FileExistsError):
            os.link(draft, path)
        _sync_folder(path.parent)
    finally:
        os.close(descriptor)
        draft.unlink()


def _enlarge(descriptor: int) -> None:
    """To the full size. It takes its room on the disk now: a full one stops no kill later."""
    os.posix_fallocate(descriptor, 0, SIZE)
    os.fsync(descriptor)


def _sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
