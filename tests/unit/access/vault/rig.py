"""What the vault's tests share: chance that repeats, keys, bytes turned over."""

import hashlib
import traceback
from collections.abc import Iterator, Mapping

from phalanx.access.vault.envelope import KeyEncryptionKey
from phalanx.domain.secrets import Secret


class RepeatableRandom:
    """Tokens that look like chance and are the same on every run, never twice the same."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._drawn = 0

    def bits(self, count: int) -> int:
        return int.from_bytes(self.token((count + 7) // 8), "big") >> (-count % 8)

    def token(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(f"{self._seed}/{self._drawn}".encode()).digest(count)


def kek(name: str) -> KeyEncryptionKey:
    """The key of that name."""
    return KeyEncryptionKey(key_bytes(name))


def key_bytes(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def tampered(data: bytes) -> Iterator[bytes]:
    """The bytes with each one changed in turn: its lowest bit, its highest, all of them."""
    for at in range(len(data)):
        for mask in (0x01, 0x80, 0xFF):
            yield data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


class AuditTrail(list[tuple[str, str, str]]):
    """What the audit was told; ``refuse`` is what it raises instead."""

    refuse: Exception | None = None

    def __call__(self, reader: str, login: str, why: str) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.append((reader, login, why))


def names_in_frames(error: BaseException) -> str:
    """What each name of each frame of ours holds where the error and its causes passed."""
    shown = []
    at: BaseException | None = error
    while at is not None:
        story = traceback.TracebackException.from_exception(at, capture_locals=True)
        ours = [frame for frame in story.stack if "src/phalanx" in frame.filename]
        shown += [f"{name} = {value}" for frame in ours for name, value in _names(frame)]
        at = at.__cause__ or at.__context__
    assert shown
    return "\n".join(shown)


def _names(frame: traceback.FrameSummary) -> list[tuple[str, str]]:
    return list((frame.locals or {}).items())


def shown_bytes(data: bytes) -> str:
    """As they stand between the quotes of their repr."""
    return repr(data)[2:-1]


def revealed(fields: Mapping[str, Secret]) -> dict[str, str]:
    """What is in the fields, for a test to look at."""
    return {name: secret.reveal() for name, secret in fields.items()}


def secrets(**fields: str) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in fields.items()}
