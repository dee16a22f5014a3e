"""The file in which the logins are set up: TOML, one table for each login, nothing secret in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from phalanx.brokers.motilal.settings import LoginSettings
from phalanx.domain.accounts import AccountId

BYTES_MAX = 1 << 20
LOGINS_MAX = 1_000
_CLIENT_CODE_CHARS_MAX = 15


class Login(LoginSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table. ``clients``: of a dealer's login, the broker's client code of each of our accounts."""

    clients: dict[AccountId, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.clients) != self.dealer:
            raise ValueError("a dealer's login names its clients, and no other does")
        codes = list(self.clients.values())
        if len({code.upper() for code in codes}) != len(codes):
            raise ValueError("a client code is that of one account only")
        if not all(_is_client_code(code) for code in codes):
            raise ValueError(f"a client code has 1 to {_CLIENT_CODE_CHARS_MAX} letters and digits")


class LoginsFault(ValueError):
    """The file cannot be used; says where and why."""


def read_logins(content: bytes) -> Mapping[str, Login]:
    """The logins by name. Raises LoginsFault."""
    if len(content) > BYTES_MAX:
        raise LoginsFault(f"it has more than {BYTES_MAX} bytes")
    try:
        found = msgspec.toml.decode(content, type=dict[str, Login], dec_hook=_path)
    except (ValueError, RecursionError) as error:
        raise LoginsFault(str(error)) from None
    if len(found) > LOGINS_MAX:
        raise LoginsFault(f"it has more than {LOGINS_MAX} logins")
    return found


def _path(kind: type, value: Any) -> Path:  # noqa: ANN401  a hook of msgspec's
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError("a path is expected")


def _is_client_code(code: str) -> bool:
    return code.isascii() and code.isalnum() and len(code) <= _CLIENT_CODE_CHARS_MAX
