"""What the tests of this room are built from: a directory that costs nothing, in a folder of its own."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from phalanx.access.directory import AccessRules, Directory, Tokens
from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.login import Attempt
from phalanx.access.passwords import PasswordCost
from phalanx.access.store import AccessStore
from phalanx.access.users import Duties
from phalanx.domain.access import Role
from phalanx.domain.secrets import Secret
from tests.fakes.clock import ManualClock

CHEAP = AccessRules(cost=PasswordCost(1, 8, 1))
PASSWORD = Secret("correct horse battery")
ANOTHER = Secret("staple of correct horses")
HOME = "198.51.100.7"
AWAY = "203.0.113.9"
ADMIN = Duties(Role.ADMIN)
TRADER = Duties(Role.TRADER)


class SeededRandom:
    """Chance that repeats."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def bits(self, count: int) -> int:
        return self._random.getrandbits(count)

    def token(self, count: int) -> bytes:
        return self._random.randbytes(count)


class MirrorSealer:
    """Seals by turning bytes around, and insists on the same ``aad``."""

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        return aad + b"|" + plain[::-1]

    def open(self, blob: bytes, aad: bytes) -> bytes:
        assert blob.startswith(aad + b"|")
        return blob[len(aad) + 1 :][::-1]


def open_directory(
    folder: Path, clock: ManualClock, rules: AccessRules = CHEAP, seed: int = 1
) -> Directory:
    return Directory(AccessStore.open(folder), MirrorSealer(), clock, SeededRandom(seed), rules)


def bearer(token: Secret) -> bytes:
    """The header that carries a token."""
    return b"Bearer " + token.reveal().encode()


def log_in(
    directory: Directory,
    name: str = "ann",
    password: Secret = PASSWORD,
    *,
    code: Secret | None = None,
    address: str = HOME,
) -> Tokens:
    return directory.login(Attempt(name, password, code, address, "a browser"))


def refused(call: Callable[..., object], *args: object, **named: object) -> AccessCode:
    """With which code a call is refused; it must be."""
    with pytest.raises(AccessError) as caught:
        call(*args, **named)
    return caught.value.code
