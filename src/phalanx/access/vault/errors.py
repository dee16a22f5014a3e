"""What can go wrong with sealed things.

An error says which record or source it is about, and never a byte of what is sealed, of a key, or of what
a key command printed. ``code`` is stable; the text is for people and may change.
"""

from enum import StrEnum


class VaultCode(StrEnum):
    """The codes of `VaultError`."""

    CANNOT_UNSEAL = "CANNOT_UNSEAL"
    """Altered, cut short, of another record, or sealed for something else: nobody is told which."""
    KEK_MISSING = "KEK_MISSING"
    """The key-encryption key that a record was sealed under is not on the ring."""
    KEK_IN_USE = "KEK_IN_USE"
    """The key is the current one, or records are still sealed under it."""
    TOO_MANY_KEKS = "TOO_MANY_KEKS"
    """The ring is full: rewrap, and take an older key off."""
    KEK_NOT_KEPT = "KEK_NOT_KEPT"
    """A key that records need is on the ring and nowhere else: the next start would not find it."""
    REKEY_UNDER_WAY = "REKEY_UNDER_WAY"
    """The key is being changed already, or the store closes."""
    KEY_FILE_TOO_OPEN = "KEY_FILE_TOO_OPEN"
    """Others than its owner may read or change the key file, or it is no plain file."""
    KEY_FILE_UNREADABLE = "KEY_FILE_UNREADABLE"
    """The key file is not there, or cannot be read or made."""
    KEY_NOT_SET = "KEY_NOT_SET"
    """The environment variable for the key is not set, or empty."""
    KEY_INVALID = "KEY_INVALID"
    """The source gave something that is not a key of 32 bytes, or one that nobody drew by chance."""
    KEY_COMMAND_FAILED = "KEY_COMMAND_FAILED"
    """The key command could not be started, or ended with another code than 0."""
    KEY_COMMAND_TOO_SLOW = "KEY_COMMAND_TOO_SLOW"
    """The key command had not ended when its time was over; it was ended."""
    KEY_COMMAND_TOO_LONG = "KEY_COMMAND_TOO_LONG"
    """The key command printed more than it may; it was ended."""
    NO_CREDENTIAL = "NO_CREDENTIAL"
    """Nothing is kept for this login."""
    VERSION_CONFLICT = "VERSION_CONFLICT"
    """The credential is at another version than the writer thought."""
    INVALID_CREDENTIAL = "INVALID_CREDENTIAL"
    """A name, a value or their number is out of bounds."""
    TOO_MANY_CREDENTIALS = "TOO_MANY_CREDENTIALS"
    """As many logins as may have credentials have them."""
    STORE_FAILED = "STORE_FAILED"
    """The disk or the database did not take the change, or could not be read; nothing is changed."""
    READ_NOT_EXPLAINED = "READ_NOT_EXPLAINED"
    """A read of secrets that does not say who reads and why, in a few words."""


class VaultError(Exception):
    """A refusal of the vault. ``code`` is stable, the message is not."""

    def __init__(self, code: VaultCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class KekMissing(VaultError):
    """A record's key-encryption key is not on the ring; ``kek_id`` says which one it needs."""

    def __init__(self, kek_id: str) -> None:
        super().__init__(VaultCode.KEK_MISSING, f"the key-encryption key {kek_id} is not here")
        self.kek_id = kek_id


def cannot_unseal() -> VaultError:
    """The one error for everything that does not open; it has no detail to learn from."""
    return VaultError(VaultCode.CANNOT_UNSEAL, "what is sealed cannot be opened")
