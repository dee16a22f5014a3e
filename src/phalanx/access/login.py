"""Logging in: a name, a password, where there is one a second factor, and a session begins.

Everything that is wrong has one answer after the same work: whether there is such a user, whether they are
disabled, or the password is wrong. Only who knows the password is asked for a second factor.
"""

from contextlib import suppress
from typing import Final

import msgspec

from phalanx.access.errors import AccessCode, AccessError, unauthenticated
from phalanx.access.passwords import Passwords
from phalanx.access.picture import Totp, User
from phalanx.access.second_factor import SecondFactors, is_recovery_code
from phalanx.access.sessions import Refreshed, Sessions
from phalanx.access.store import AccessStore
from phalanx.access.throttle import Throttle, place_of
from phalanx.access.users import is_current, is_user_name, replace_hash
from phalanx.domain.secrets import Secret

_NO_NAME: Final = ""


class Attempt(msgspec.Struct, frozen=True):
    """Somebody at the door. ``code``: of the authenticator, or a recovery code."""

    name: str
    password: Secret
    code: Secret | None = None
    address: str = ""
    agent: str = ""


class Login:
    """The way in for people. Thread-safe."""

    def __init__(
        self,
        store: AccessStore,
        passwords: Passwords,
        factors: SecondFactors,
        sessions: Sessions,
        by_name: Throttle,
        by_place: Throttle,
    ) -> None:
        """``by_name`` counts by name and place together: a stranger elsewhere shuts nobody out."""
        self._store = store
        self._passwords = passwords
        self._factors = factors
        self._sessions = sessions
        self._by_name = by_name
        self._by_place = by_place

    def check(self, attempt: Attempt) -> None:
        """Turn away, in microseconds and without a count, what ``begin`` would. Raises THROTTLED."""
        name, place = _keys(attempt)
        self._by_place.check(place)
        self._by_name.check((name, place))

    def begin(self, attempt: Attempt) -> Refreshed:
        """A session. Raises UNAUTHENTICATED, TOTP_NEEDED, THROTTLED."""
        name, place = _keys(attempt)
        self._by_place.enter(place)
        try:
            self._by_name.enter((name, place))
        except AccessError:
            self._by_place.give_back(place)
            raise
        try:
            session = self._begin(attempt, self._store.picture.named(name))
        except AccessError as error:
            # All but a wrong answer was no try: what is counted is guessing.
            if error.code is not AccessCode.UNAUTHENTICATED:
                self._by_place.give_back(place)
                self._by_name.give_back((name, place))
            raise
        # Only their own try is given back here: whoever has a login may not guess at others' with it.
        self._by_place.give_back(place)
        self._by_name.forget((name, place))
        return session

    def _begin(self, attempt: Attempt, user: User | None) -> Refreshed:
        user, by_recovery_code = self._proved(attempt, user)
        rehashed = self._rehashed(user, attempt.password)
        with self._store.change() as change:
            # The password may have been reset, or the user shut out, while this was checked.
            if not is_current(change, user):
                raise unauthenticated()
            if rehashed is not None:
                replace_hash(change, user, rehashed)
            return self._sessions.begin(
                change,
                user.id,
                attempt.address,
                attempt.agent,
                by_recovery_code=by_recovery_code,
            )

    def _proved(self, attempt: Attempt, user: User | None) -> tuple[User, bool]:
        """Who it is, and whether they used up a recovery code."""
        known = None if user is None else user.password_hash
        if not self._passwords.is_right(known, attempt.password) or user is None:
            raise unauthenticated()
        if user.disabled_at is not None:
            raise unauthenticated()
        if user.totp is not Totp.ON:
            return user, False
        if attempt.code is None:
            raise AccessError(AccessCode.TOTP_NEEDED, "a code of the authenticator is needed")
        if not self._factors.is_right(user, attempt.code):
            raise unauthenticated()
        return user, is_recovery_code(attempt.code)

    def _rehashed(self, user: User, password: Secret) -> Secret | None:
        """The hash at the cost of now, where it was made at another; some other time when it is busy."""
        if self._passwords.is_outdated(user.password_hash):
            with suppress(AccessError):
                return self._passwords.hash(password)
        return None


def _keys(attempt: Attempt) -> tuple[str, str]:
    """Who somebody says they are, and from where: what their tries are counted by."""
    name = attempt.name.lower() if is_user_name(attempt.name) else _NO_NAME
    return name, place_of(attempt.address)
