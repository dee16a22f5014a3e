"""The kill flag: how ``kill --direct`` stops orders past a server that hangs, or is not there.

A small file of fixed size in the data folder, written in place, so that a server has it mapped and sees
every change in the instant it is made. Where somebody removed, replaced or cut it all the same, the
server maps the file that then has the name, at its next look. It has two writers, and they
share no byte: a stopped process that wakes up inside a write can undo nothing.

    0      number 8 | crc32 4 | length 4 | JSON of the kills    whoever orders a kill, under a flock
    28 K   number adopted 8                                     the server, once its journal has them

The flag is up while the two numbers differ. What then cannot be read stops everybody. Numbers are in
the machine's own byte order.
"""

import fcntl
import mmap
import os
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from phalanx.domain.kills import EVERYBODY, DirectKill, KillKey, RaisedFlag

FILE: Final = "kill.flag"
SIZE: Final = 32 * 1024
_ADOPTED: Final = 28 * 1024
_WORD: Final = 8
_HEAD: Final = struct.Struct("=QII")
_NUMBER: Final = struct.Struct("=Q")
_NUMBER_MAX: Final = 2**64 - 1
BODY_BYTES_MAX: Final = _ADOPTED - _HEAD.size
LOCK_TRIES: Final = 100
LOCK_PAUSE_S: Final = 0.02

_everybody: Final = frozenset({EVERYBODY.key})
_decode: Final = msgspec.json.Decoder(tuple[DirectKill, ...]).decode


class KillFlagFull(Exception):
    """So many kills wait to be adopted that the flag holds no further one."""


class KillFlagBusy(Exception):
    """Another process has been writing the flag for two seconds."""


class MappedKillFlag:
    """The server's side. Not for several threads."""

    def __init__(self, path: Path) -> None:
        """Map the flag of a data folder; a folder that has none gets one, down. Raises OSError."""
        self._path = path
        self._open()

    def renew(self) -> bool:
        """Map the file anew where it was removed, replaced or cut; whether it was. Raises OSError."""
        if self._is_the_one() and not self._is_cut():
            return False
        words, mapped, descriptor = self._words, self._map, self._descriptor
        self._open()
        words.release()
        mapped.close()
        os.close(descriptor)
        return True

    def is_raised(self) -> bool:
        """Whether a kill was ordered that nobody has adopted: two words of memory are compared.

        A file that was cut is raised until it is mapped anew: to read past its end ends the process.
        """
        return self._is_cut() or self._words[0] != self._words[_ADOPTED // _WORD]

    def keys(self) -> frozenset[KillKey]:
        """Whom the raised flag stops; everybody, where it cannot be read."""
        return self._keys if not self._is_cut() and self._is_read() else _everybody

    def read(self) -> RaisedFlag | None:
        """What is to be adopted; None while it is being written or cut. What cannot be read kills everybody."""
        if self._is_cut():
            return None
        number = self._words[0]
        if self._is_read():
            return RaisedFlag(number, self._kills)
        if not self._is_free():
            return None
        content = crc32(self._map[:_ADOPTED])
        note = "the kill flag cannot be read: it stops everybody"
        return RaisedFlag(
            number, (DirectKill(f"{content:08x}-{number}", EVERYBODY, "desk", note, 0),)
        )

    def lower(self, number: int) -> None:
        """All that was ordered up to ``number`` is adopted; on disk when this returns. Raises OSError."""
        self._words[_ADOPTED // _WORD] = number
        self._map.flush()

    def close(self) -> None:
        """Let the file go."""
        self._words.release()
        self._map.close()
        os.close(self._descriptor)

    def _open(self) -> None:
        descriptor = _opened(self._path)
        try:
            self._map = mmap.mmap(descriptor, SIZE)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._words = memoryview(self._map).cast("Q")
        self._head = b""
        self._kills: tuple[DirectKill, ...] = ()
        self._keys: frozenset[KillKey] = frozenset()

    def _is_the_one(self) -> bool:
        """Whether the name in the folder is still that of the mapped file."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _is_cut(self) -> bool:
        return os.fstat(self._descriptor).st_size < SIZE

    def _is_read(self) -> bool:
        """Whether what is kept is what the file says; it is read only when its head has changed."""
        head = self._map[: _HEAD.size]
        if head == self._head:
            return True
        kills = _parsed(self._map[:_ADOPTED])
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
    descriptor = _opened(path)
    try:
        with _locked(descriptor):
            found = os.pread(descriptor, SIZE, 0)
            number, *_ = _HEAD.unpack_from(found)
            (adopted,) = _NUMBER.unpack_from(found, _ADOPTED)
            waiting = [] if number == adopted else _waiting(found, kill)
            ordered: int = max(number, adopted) % _NUMBER_MAX + 1
            region = _region(ordered, [*waiting, kill])
            if os.pwrite(descriptor, region, 0) != len(region):
                raise OSError(f"{path} took only a part of the flag")
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _sync_folder(path.parent)
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


def _waiting(found: bytes, kill: DirectKill) -> list[DirectKill]:
    """What nobody has adopted yet, but for what ``kill`` says again."""
    kills = _parsed(found[:_ADOPTED])
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
        return _decode(body)
    except msgspec.DecodeError:
        return None


def _checksum(number: int, body: bytes) -> int:
    return crc32(body, crc32(_NUMBER.pack(number)))


def _opened(path: Path) -> int:
    """The file at its full size. It takes its room on the disk now: a full one stops no kill later."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if os.fstat(descriptor).st_size < SIZE:
            os.posix_fallocate(descriptor, 0, SIZE)
            os.fsync(descriptor)
            _sync_folder(path.parent)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
