"""Confirming: whoever is logged in gives their password once more before something that matters.

Tries are counted by user, wherever they come from: only somebody with a session of theirs gets here.
"""

from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.passwords import Passwords
from phalanx.access.picture import User
from phalanx.access.throttle import Throttle
from phalanx.domain.secrets import Secret


class Confirming:
    """Asks for the password of somebody who is logged in. Thread-safe."""

    def __init__(self, passwords: Passwords, throttle: Throttle) -> None:
        self._passwords = passwords
        self._throttle = throttle

    def password_of(self, user: User, password: Secret) -> None:
        """Raises WRONG_PASSWORD, THROTTLED."""
        self._throttle.enter(user.id)
        try:
            is_right = self._passwords.is_right(user.password_hash, password)
        except AccessError:
            self._throttle.give_back(user.id)
            raise
        if not is_right:
            raise AccessError(AccessCode.WRONG_PASSWORD, "this is not your password")
        self._throttle.forget(user.id)
