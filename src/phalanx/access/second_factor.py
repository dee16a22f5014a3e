"""The second factor: time-based codes (RFC 6238: SHA-1, six digits, 30 s), and recovery codes instead.

A code of the step before or after counts too, and each step once: the last used one is kept in the row, and
whoever writes it first has used it. A recovery code works once. Five wrong ones, and the next waits.
"""

from base64 import b32decode, b32encode
from hashlib import sha256
from hmac import compare_digest
from typing import Final

import msgspec
from pyotp import TOTP
from sqlalchemy import insert, or_, select, update

from phalanx.access.confirming import Confirming
from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.picture import Totp, User
from phalanx.access.signing_keys import Sealer
from phalanx.access.store import AccessStore, Change
from phalanx.access.tables import recovery_codes, users
from phalanx.access.throttle import Throttle
from phalanx.access.users import forget_totp
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND, Clock, Nanoseconds, Random

STEP_NS: Final = 30 * SECOND
STEPS_ASIDE: Final = 1
SECRET_BYTES: Final = 20
DIGITS: Final = 6
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10
RECOVERY_CHARACTERS: Final = 16
CODE_CHARACTERS_MAX: Final = 32


class Enrolment(msgspec.Struct, frozen=True):
    """What an authenticator needs, shown once: the secret in base 32, and the same as an ``otpauth`` URI."""

    secret: Secret
    uri: Secret


class SecondFactors:
    """The second factors of a store's users. Thread-safe."""

    def __init__(
        self,
        store: AccessStore,
        sealer: Sealer,
        confirming: Confirming,
        throttle: Throttle,
        clock: Clock,
        random: Random,
        issuer: str,
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._confirming = confirming
        self._throttle = throttle
        self._clock = clock
        self._random = random
        self._issuer = issuer

    def enrol(self, user_id: int, password: Secret) -> Enrolment:
        """A new secret, which asks for nothing until `confirm` has seen a code of it.

        Raises WRONG_PASSWORD, TOTP_STATE, THROTTLED.
        """
        user = self._store.picture.users[user_id]
        self._confirming.password_of(user, password)
        secret = Secret(b32encode(self._random.token(SECRET_BYTES)).decode())
        with self._store.change() as change:
            self._check_state(user_id, Totp.OFF, Totp.WAITING)
            values = {
                "totp": self._sealer.seal(b32decode(secret.reveal()), _aad(user_id)),
                "totp_last_step": None,
                "changed_at": self._clock.now(),
            }
            change.connection.execute(update(users).where(users.c.id == user_id).values(values))
            change.users.add(user_id)
        uri = TOTP(secret.reveal()).provisioning_uri(name=user.name, issuer_name=self._issuer)
        return Enrolment(secret, Secret(uri))

    def confirm(self, user_id: int, code: Secret) -> tuple[Secret, ...]:
        """The first code: from now on one is asked for. Gives the recovery codes, shown once.

        Raises WRONG_CODE, TOTP_STATE, THROTTLED.
        """
        self._throttle.enter(user_id)
        codes = tuple(self._recovery_code() for _ in range(RECOVERY_CODES))
        with self._store.change() as change:
            self._check_state(user_id, Totp.WAITING)
            is_right = self._use_step(change, user_id, _clean(code))
            if is_right:
                rows = [{"user_id": user_id, "hash": _hash(_clean(one))} for one in codes]
                change.connection.execute(insert(recovery_codes), rows)
        if not is_right:
            raise AccessError(AccessCode.WRONG_CODE, "this code is not right, or not any more")
        self._throttle.forget(user_id)
        return codes

    def is_right(self, user: User, code: Secret) -> bool:
        """Whether a code, of the authenticator or for recovery, is right; it is used up. Raises THROTTLED."""
        self._throttle.enter(user.id)
        clean = _clean(code)
        with self._store.change() as change:
            if is_recovery_code(code):
                is_right = self._use_recovery_code(change, user.id, clean)
            else:
                is_right = self._use_step(change, user.id, clean)
        if is_right:
            self._throttle.forget(user.id)
        return is_right

    def disable(self, user_id: int, password: Secret) -> None:
        """No second factor any more. Raises WRONG_PASSWORD, TOTP_STATE, THROTTLED."""
        self._confirming.password_of(self._store.picture.users[user_id], password)
        with self._store.change() as change:
            self._check_state(user_id, Totp.ON, Totp.WAITING)
            forget_totp(change, user_id, self._clock)

    def recovery_codes_left(self, user_id: int) -> int:
        """How many recovery codes are unused."""
        mine = (recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
        with self._store.reading() as connection:
            return len(connection.execute(select(recovery_codes.c.hash).where(*mine)).all())

    def _check_state(self, user_id: int, *allowed: Totp) -> None:
        state = self._store.picture.users[user_id].totp
        if state not in allowed:
            raise AccessError(AccessCode.TOTP_STATE, f"the second factor is {state}")

    def _use_step(self, change: Change, user_id: int, code: Secret) -> bool:
        """Whether this is a code of now whose step was not used; the step is used then."""
        sealed = change.connection.scalar(select(users.c.totp).where(users.c.id == user_id))
        if sealed is None:
            return False
        step = _step_of(_totp(self._sealer.open(sealed, _aad(user_id))), code, self._clock.now())
        if step is None:
            return False
        is_unused = or_(users.c.totp_last_step.is_(None), users.c.totp_last_step < step)
        found = change.connection.execute(
            update(users).where(users.c.id == user_id, is_unused).values(totp_last_step=step)
        )
        change.users.add(user_id)
        return found.rowcount == 1

    def _use_recovery_code(self, change: Change, user_id: int, code: Secret) -> bool:
        is_it = (recovery_codes.c.user_id == user_id, recovery_codes.c.hash == _hash(code))
        unused = recovery_codes.c.used_at.is_(None)
        found = change.connection.execute(
            update(recovery_codes).where(*is_it, unused).values(used_at=self._clock.now())
        )
        return found.rowcount == 1

    def _recovery_code(self) -> Secret:
        drawn = b32encode(self._random.token(RECOVERY_BYTES)).decode().lower()
        return Secret("-".join(drawn[at : at + 4] for at in range(0, len(drawn), 4)))


def is_recovery_code(code: Secret) -> bool:
    """Whether it has the shape of a recovery code, and not that of a code of the authenticator."""
    return len(_clean(code).reveal()) == RECOVERY_CHARACTERS


def _totp(secret: bytes) -> TOTP:
    return TOTP(b32encode(secret).decode(), digits=DIGITS, interval=STEP_NS // SECOND)


def _step_of(totp: TOTP, code: Secret, now: Nanoseconds) -> int | None:
    """The step of now, the one before or the one after whose code this is. All are compared."""
    middle = now // STEP_NS
    found = None
    for step in range(middle - STEPS_ASIDE, middle + STEPS_ASIDE + 1):
        if compare_digest(totp.generate_otp(step).encode(), code.reveal().encode()):
            found = step
    return found


def _clean(code: Secret) -> Secret:
    """As it is compared: people type spaces and dashes. What cannot be a code is an empty one."""
    text = code.reveal()
    if len(text) > CODE_CHARACTERS_MAX or not text.isascii():
        return Secret("")
    return Secret(text.replace("-", "").replace(" ", "").upper())


def _hash(code: Secret) -> bytes:
    return sha256(code.reveal().encode()).digest()


def _aad(user_id: int) -> bytes:
    return f"phalanx totp of user {user_id}".encode()
