"""Audit: the stable words for what people and machines do that is no order and no reference data."""

from enum import StrEnum
from typing import Final

SUBJECT_CHARACTERS_MAX: Final = 128
DETAIL_CHARACTERS_MAX: Final = 256


class Act(StrEnum):
    """What somebody did, or tried. Journaled: a word never changes its meaning.

    That a session was refreshed is not one: it says nothing that the login did not, every few minutes.
    """

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGIN_THROTTLED = "login_throttled"
    LOGOUT = "logout"
    SESSION_ENDED = "session_ended"
    REFRESH_REUSED = "refresh_reused"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  a word, not a password
    PASSWORD_RESET = "password_reset"  # noqa: S105  the same
    TOTP_ENROLLED = "totp_enrolled"
    TOTP_ENABLED = "totp_enabled"
    TOTP_DISABLED = "totp_disabled"
    RECOVERY_CODE_USED = "recovery_code_used"
    CONFIRMATION_FAILED = "confirmation_failed"
    """Somebody who is logged in gave a wrong password or code before something that asks for it."""
    USER_CREATED = "user_created"
    USER_CHANGED = "user_changed"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    ADMIN_RESCUED = "admin_rescued"
    """On the server's own machine an admin was given a new password, or was made."""
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    CREDENTIAL_WRITTEN = "credential_written"
    CREDENTIAL_READ = "credential_read"
    CREDENTIAL_FORGOTTEN = "credential_forgotten"
    KEK_ROTATED = "kek_rotated"
    HOOK_REFUSED = "hook_refused"
    HOOK_SECRET_DRAWN = "hook_secret_drawn"  # noqa: S105  a word, not a secret
    HOOK_SECRET_ENDED = "hook_secret_ended"  # noqa: S105  the same
    FORBIDDEN = "forbidden"
    UNAUTHENTICATED = "unauthenticated"


REPEATABLE: Final = frozenset(
    {
        Act.LOGIN_FAILED,
        Act.LOGIN_THROTTLED,
        Act.CONFIRMATION_FAILED,
        Act.FORBIDDEN,
        Act.HOOK_REFUSED,
        Act.UNAUTHENTICATED,
    }
)
"""What somebody can do as often as he likes: many alike are one entry that says how many."""
