"""The credential store's port: what a login needs at its broker, sealed, one version at a time.

A credential is a row of named fields (an API key, a password, a TOTP seed). It is written whole, as a new
version, and read whole, by somebody who says who they are and why.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeAlias

import msgspec

from phalanx.access.vault.errors import VaultCode, VaultError
from phalanx.domain.secrets import Secret
from phalanx.domain.time import Nanoseconds

FIELDS_MAX: Final = 20
NAME_CHARS_MAX: Final = 64
VALUE_BYTES_MAX: Final = 4 * 1024
WORDS_CHARS_MAX: Final = 200
CREDENTIALS_MAX: Final = 10_000
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")

Audit: TypeAlias = Callable[[str, str, str], None]
"""Told (reader, login, why) of every read before anything is read; if it raises, nothing is given."""


class Credential(msgspec.Struct, frozen=True):
    """What may be shown of a credential. ``version`` counts from 1; ``kek_id`` names what seals it.

    ``created_by`` and ``created_at`` (UTC nanoseconds) are of this version.
    """

    login: str
    broker: str
    version: int
    kek_id: str
    created_by: str
    created_at: Nanoseconds


class CredentialStore(Protocol):
    """Where credentials are kept. Thread-safe; every write is durable when it returns.

    Any call may also raise STORE_FAILED.
    """

    def put(
        self, login: str, broker: str, fields: Mapping[str, Secret], *, expected: int, by: str
    ) -> Credential:
        """Keep a new version in the place of version ``expected``, 0 where there is none yet.

        Raises INVALID_CREDENTIAL, VERSION_CONFLICT, TOO_MANY_CREDENTIALS.
        """
        ...

    def read(self, login: str, reader: str, why: str) -> Mapping[str, Secret]:
        """The fields of the version that is kept now, after the audit was told.

        Raises READ_NOT_EXPLAINED, what the audit raises, NO_CREDENTIAL, CANNOT_UNSEAL, KEK_MISSING.
        """
        ...

    def forget(self, login: str) -> None:
        """Keep nothing of this login. Raises NO_CREDENTIAL."""
        ...

    def list(self) -> tuple[Credential, ...]:
        """Of every credential what may be shown, by login; at most `CREDENTIALS_MAX`."""
        ...


def check_fields(login: str, broker: str, fields: Mapping[str, Secret], by: str) -> None:
    """Raises INVALID_CREDENTIAL with what is out of bounds, and never with a value."""
    for what, text in (("login", login), ("broker", broker), ("author", by)):
        if not is_name(text):
            raise _invalid(f"the {what} must have 1 to {NAME_CHARS_MAX} characters")
    if not 1 <= len(fields) <= FIELDS_MAX:
        raise _invalid(f"a credential has 1 to {FIELDS_MAX} fields")
    if not all(_FIELD.fullmatch(name) for name in fields):
        raise _invalid(
            "the name of a field has 1 to 40 small letters, digits and _, a letter first"
        )
    for name, value in fields.items():
        if not _is_value(value):
            raise _invalid(f"field {name!r} must be text of at most {VALUE_BYTES_MAX} bytes")


def check_read(login: str, reader: str, why: str) -> None:
    """Raises NO_CREDENTIAL for what can be no login, READ_NOT_EXPLAINED."""
    if not is_name(login):
        raise no_credential()
    if not all(_is_text(words, WORDS_CHARS_MAX) for words in (reader, why)):
        raise VaultError(
            VaultCode.READ_NOT_EXPLAINED,
            f"say who reads and why, in at most {WORDS_CHARS_MAX} characters each",
        )


def no_credential() -> VaultError:
    """Nothing is kept for the login; it is not repeated, it may be anything."""
    return VaultError(VaultCode.NO_CREDENTIAL, "no credential is kept for this login")


def is_name(text: str) -> bool:
    """Whether it may be a login, a broker or an author."""
    return _is_text(text, NAME_CHARS_MAX)


def _invalid(message: str) -> VaultError:
    return VaultError(VaultCode.INVALID_CREDENTIAL, message)


def _is_text(text: str, chars_max: int) -> bool:
    return 1 <= len(text) <= chars_max and _size(text) is not None


def _is_value(value: Secret) -> bool:
    size = _size(value.reveal())
    return size is not None and size <= VALUE_BYTES_MAX


def _size(text: str) -> int | None:
    """In UTF-8 bytes; None where half a surrogate pair has none. That error would show the text."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None
