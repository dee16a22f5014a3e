"""Passwords: the rules for new ones, and Argon2id for all, a few at a time.

A check costs tens of milliseconds and as many megabytes, on purpose. So they run one by one and a few
wait; who comes then is told to come again. A flood of tries keeps one core busy and no more: the desk has
another.
"""

import re
from base64 import b32encode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Final
from unicodedata import normalize

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from phalanx.access.errors import AccessCode, AccessError, throttled
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND, Random

CHARACTERS_MIN: Final = 12
CHARACTERS_MAX: Final = 256
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
AT_ONCE: Final = 1
WAITING_MAX: Final = 8
_ONE_TIME_BYTES: Final = 15
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_NOTHING: Final = Secret("")


class PasswordCost(msgspec.Struct, frozen=True):
    """What one check costs: passes, memory in KiB, lanes. A user's hash is made anew at their next login
    after this was changed.
    """

    passes: int = 2
    memory_kib: int = 64 * 1024
    lanes: int = 1


class Turnstile:
    """Lets so many in at once, and so many wait. Raises THROTTLED to all others."""

    def __init__(self, at_once: int, waiting_max: int) -> None:
        self._inside_or_waiting = 0
        self._room = at_once + waiting_max
        self._lock = Lock()
        self._slots = BoundedSemaphore(at_once)

    @property
    def crowd(self) -> int:
        """How many are inside or wait."""
        return self._inside_or_waiting

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be inside; waits for those before."""
        with self._lock:
            if self._inside_or_waiting >= self._room:
                raise throttled(SECOND)
            self._inside_or_waiting += 1
        try:
            with self._slots:
                yield
        finally:
            with self._lock:
                self._inside_or_waiting -= 1


class Passwords:
    """Hashes passwords and checks them. Thread-safe; every call may wait, or raise THROTTLED."""

    def __init__(
        self,
        cost: PasswordCost,
        random: Random,
        *,
        at_once: int = AT_ONCE,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=HASH_BYTES,
        )
        self._random = random
        self.turnstile = Turnstile(at_once, waiting_max)
        self._nobodys = Secret(_hash_of_nothing(cost, random))

    def hash(self, password: Secret) -> Secret:
        """What is kept of a password."""
        with self.turnstile.passed():
            salt = self._random.token(SALT_BYTES)
            return Secret(self._hasher.hash(_plain(password), salt=salt))

    def is_right(self, known: Secret | None, password: Secret) -> bool:
        """Whether it is this password. None, a user nobody knows, is False, after the same time."""
        is_possible = known is not None and _is_possible(password)
        checked = known if known is not None and is_possible else self._nobodys
        tried = password if is_possible else _NOTHING
        with self.turnstile.passed():
            try:
                self._hasher.verify(checked.reveal(), _plain(tried))
            except (VerificationError, InvalidHashError):
                return False
        return is_possible

    def is_outdated(self, known: Secret) -> bool:
        """Whether it was made at another cost than that of now."""
        return self._hasher.check_needs_rehash(known.reveal())

    def one_time(self) -> Secret:
        """A password for the first login: 24 letters and digits in six groups, 120 bits."""
        drawn = b32encode(self._random.token(_ONE_TIME_BYTES)).decode().lower()
        return Secret("-".join(drawn[at : at + 4] for at in range(0, len(drawn), 4)))


def check_new_password(name: str, password: Secret) -> None:
    """Raises WEAK_PASSWORD. Length is what counts; which characters it has is everybody's own matter."""
    fault = _fault_of(name, password)
    if fault is not None:
        raise AccessError(AccessCode.WEAK_PASSWORD, fault)


def _hash_of_nothing(cost: PasswordCost, random: Random) -> str:
    """In the shape of a hash at this cost, so that to check it takes as long; no password is known for it."""
    salt, hashed = (
        b64encode(random.token(count)).rstrip(b"=").decode() for count in (SALT_BYTES, HASH_BYTES)
    )
    parameters = f"m={cost.memory_kib},t={cost.passes},p={cost.lanes}"
    return f"$argon2id$v=19${parameters}${salt}${hashed}"


# Passwords are in the clear in the functions below, and these raise nothing: a traceback that shows the
# local names of its frames shows none of them.


def _fault_of(name: str, password: Secret) -> str | None:
    if not _is_possible(password):
        return f"a password has at most {CHARACTERS_MAX} characters, all of them whole"
    plain = _plain(password)
    if len(plain) < CHARACTERS_MIN:
        return f"a password has at least {CHARACTERS_MIN} characters"
    if plain.casefold() == name.casefold():
        return "a password is not the user's name"
    return None


def _is_possible(password: Secret) -> bool:
    """Whether it may be hashed at all: bounded, and text that has bytes."""
    plain = password.reveal()
    if len(plain) > CHARACTERS_MAX or _SURROGATES.search(plain):
        return False
    return len(_plain(password)) <= CHARACTERS_MAX


def _plain(password: Secret) -> str:
    """As it is hashed: the same text from every keyboard."""
    return normalize("NFKC", password.reveal())
