"""What can go wrong at the doors' lock. ``code`` is stable; the text is for people and may change."""

from enum import StrEnum
from typing import Final

from phalanx.domain.time import SECOND, Nanoseconds

SESSION_OVER: Final = "the session is over"


class AccessCode(StrEnum):
    """The codes of `AccessError`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    """No key, or one that opens nothing; nobody is told what is wrong with it."""
    SESSION_ENDED = "SESSION_ENDED"
    """The session is over: log in again."""
    PASSWORD_CHANGE_NEEDED = "PASSWORD_CHANGE_NEEDED"  # noqa: S105 -- a code
    """The password was given once and must be changed before anything else."""
    TOTP_NEEDED = "TOTP_NEEDED"
    """The password is right, and this user also has a second factor."""
    THROTTLED = "THROTTLED"
    """Too many tries: ``retry_after_s`` says when the next one counts."""
    LAST_ADMIN = "LAST_ADMIN"
    """Nobody could manage users any more."""
    WHICH_ADMIN = "WHICH_ADMIN"
    """Of several admins none was named, or somebody who is none."""
    NAME_TAKEN = "NAME_TAKEN"
    """There is one of this name, in whichever case."""
    NO_SUCH_USER = "NO_SUCH_USER"
    """There is no user of this name."""
    NO_SUCH_SESSION = "NO_SUCH_SESSION"
    """There is no such session, or it is over."""
    NO_SUCH_KEY = "NO_SUCH_KEY"
    """There is no such machine key."""
    INVALID = "INVALID"
    """A name, a role's clients, a scope or a time that cannot be."""
    WEAK_PASSWORD = "WEAK_PASSWORD"  # noqa: S105 -- a code
    """The new password breaks a rule; the message says which."""
    WRONG_PASSWORD = "WRONG_PASSWORD"  # noqa: S105 -- a code
    """Whoever is logged in already gave another password than theirs."""
    WRONG_CODE = "WRONG_CODE"
    """Whoever is logged in already gave a code that is not, or not any more, right."""
    TOTP_STATE = "TOTP_STATE"
    """There is a second factor already, or there is none."""
    TOO_MANY = "TOO_MANY"
    """As many as may be kept are kept."""
    NO_DATABASE = "NO_DATABASE"
    """No server that knows people has run over this folder."""
    DATABASE_NEWER = "DATABASE_NEWER"
    """A newer Phalanx made this database; this one does not know its shape."""
    DATABASE_UNREADABLE = "DATABASE_UNREADABLE"
    """The file is no database, cannot be opened, or is damaged."""
    STORE_FAILED = "STORE_FAILED"
    """The disk or the database did not take the change; it is not made."""


class AccessError(Exception):
    """A refusal. ``retry_after_s`` is above 0 where waiting helps; ``actor``: who was refused, where their
    token says so, for the record and for no answer.
    """

    def __init__(
        self, code: AccessCode, message: str, *, retry_after_s: int = 0, actor: str = ""
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.actor = actor


class RefreshReused(AccessError):
    """A refresh token came a second time, which ended its session. ``user``: whose it was."""

    def __init__(self, session: str, user: str) -> None:
        super().__init__(AccessCode.SESSION_ENDED, SESSION_OVER)
        self.session = session
        self.user = user


def unauthenticated() -> AccessError:
    """The one answer to everything that opens nothing."""
    return AccessError(AccessCode.UNAUTHENTICATED, "who you are could not be verified")


def session_ended(actor: str = "") -> AccessError:
    """The answer to what was of a session that is over; ``actor``: whose it was."""
    return AccessError(AccessCode.SESSION_ENDED, SESSION_OVER, actor=actor)


def throttled(wait_ns: Nanoseconds) -> AccessError:
    """The answer to a try that comes too early, in whole seconds, at least one."""
    wait_s = max(1, -(-wait_ns // SECOND))
    return AccessError(
        AccessCode.THROTTLED, f"too many tries; again in {wait_s} s", retry_after_s=wait_s
    )


def no_such_user() -> AccessError:
    """There is no user of the name that was asked for; it is not repeated, it may be anything."""
    return AccessError(AccessCode.NO_SUCH_USER, "there is no user of this name")


def invalid(message: str) -> AccessError:
    """An argument that cannot be."""
    return AccessError(AccessCode.INVALID, message)
