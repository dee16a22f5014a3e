"""What a login proves itself with, and the forms in which it goes on the wire."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
import pyotp

from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND, Nanoseconds

_USER = re.compile(r"[A-Z0-9]{1,15}", re.ASCII)
_PAN = re.compile(r"[A-Z]{5}[0-9]{4}[A-Z]", re.ASCII)
_BIRTH = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})", re.ASCII)
_VALUE = re.compile(r"[!-~]{1,512}", re.ASCII)
_PASSWORD_CHARS_MAX = 256


class Fault(StrEnum):
    """Why the fields that are kept of a login are no credentials."""

    MISSING = "MISSING"
    INVALID_USER = "INVALID_USER"
    INVALID_PASSWORD = "INVALID_PASSWORD"  # noqa: S105  a code
    INVALID_KEY = "INVALID_KEY"
    INVALID_SECOND_FACTOR = "INVALID_SECOND_FACTOR"
    INVALID_TOTP_SEED = "INVALID_TOTP_SEED"


class InvalidCredentials(OSError):
    """They cannot be used; says which, never a value. An OSError: the login is out of reach for it."""

    def __init__(self, fault: Fault, field: str) -> None:
        super().__init__(f"{fault}: {field}")
        self.fault = fault


class Credentials(msgspec.Struct, frozen=True):
    """``second_factor``: the date of birth dd/mm/yyyy, or the PAN. ``totp_seed``: base32 from the portal;
    None where a code comes to a phone instead.
    """

    user: str
    password: Secret
    api_key: Secret
    api_secret: Secret
    second_factor: Secret
    totp_seed: Secret | None = None

    @property
    def password_hash(self) -> str:
        """The password as it is sent: SHA-256 of it and the API key, in hexadecimal."""
        together = self.password.reveal() + self.api_key.reveal()
        return hashlib.sha256(together.encode()).hexdigest()

    def totp(self, now: Nanoseconds) -> str:
        """The six digits of RFC 6238 for this moment; empty without a seed."""
        if self.totp_seed is None:
            return ""
        return pyotp.TOTP(self.totp_seed.reveal()).at(datetime.fromtimestamp(now // SECOND, UTC))


def read_credentials(fields: Mapping[str, Secret]) -> Credentials:
    """From the fields that are kept of a login: ``user``, ``password``, ``api_key``, ``api_secret``,
    ``second_factor``, and perhaps ``totp_seed``. Others are not looked at. Raises InvalidCredentials.
    """
    user = _field(fields, "user").reveal().strip().upper()
    if not _USER.fullmatch(user):
        raise InvalidCredentials(Fault.INVALID_USER, "user")
    password = _field(fields, "password")
    if not _is_password(password.reveal()):
        raise InvalidCredentials(Fault.INVALID_PASSWORD, "password")
    key, secret = _field(fields, "api_key"), _field(fields, "api_secret")
    for name, value in (("api_key", key), ("api_secret", secret)):
        if not _VALUE.fullmatch(value.reveal()):
            raise InvalidCredentials(Fault.INVALID_KEY, name)
    second = _second_factor(_field(fields, "second_factor").reveal())
    return Credentials(user, password, key, secret, second, _seed(fields.get("totp_seed")))


def _field(fields: Mapping[str, Secret], name: str) -> Secret:
    found = fields.get(name)
    if found is None or not found.reveal():
        raise InvalidCredentials(Fault.MISSING, name)
    return found


def _is_password(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return len(text) <= _PASSWORD_CHARS_MAX


def _second_factor(text: str) -> Secret:
    form = text.strip().upper()
    if _PAN.fullmatch(form):
        return Secret(form)
    if not _is_birth(form):
        raise InvalidCredentials(Fault.INVALID_SECOND_FACTOR, "second_factor")
    return Secret(form)


def _is_birth(form: str) -> bool:
    found = _BIRTH.fullmatch(form)
    if found is None:
        return False
    day, month, year = map(int, found.groups())
    try:
        datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return False
    return True


def _seed(seed: Secret | None) -> Secret | None:
    if seed is None or not seed.reveal():
        return None
    text = seed.reveal().replace(" ", "").upper()
    try:
        pyotp.TOTP(text).at(0)
    except ValueError:
        # binascii.Error is one too.
        raise InvalidCredentials(Fault.INVALID_TOTP_SEED, "totp_seed") from None
    return Secret(text)
