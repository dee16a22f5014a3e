"""The file in which the logins are set up: TOML, one table for each login, nothing secret in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from phalanx.brokers.motilal.settings import LoginSettings

BYTES_MAX = 1 << 20
LOGINS_MAX = 1_000


class _Login(LoginSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table."""


class LoginsFault(ValueError):
    """The file cannot be used; says where and why."""


def read_logins(content: bytes) -> Mapping[str, LoginSettings]:
    """The logins by name. Raises LoginsFault."""
    if len(content) > BYTES_MAX:
        raise LoginsFault(f"it has more than {BYTES_MAX} bytes")
    try:
        found = msgspec.toml.decode(content, type=dict[str, _Login], dec_hook=_path)
    except (ValueError, RecursionError) as error:
        raise LoginsFault(str(error)) from None
    if len(found) > LOGINS_MAX:
        raise LoginsFault(f"it has more than {LOGINS_MAX} logins")
    return found


def _path(kind: type, value: Any) -> Path:  # noqa: ANN401  a hook of msgspec's
    if kind is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError("a path is expected")
