"""Whose signature the commands take for the certificate of a server that they reach over https."""

import ssl
import tomllib
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from phalanx.cli.exit_codes import Exit, Failure

_chosen: ContextVar[Path | None] = ContextVar("chosen", default=None)


def choose(path: Path | None) -> None:
    """What ``--ca`` or the environment names, for the command that follows."""
    _chosen.set(path)


def authority(file: Path = Path("phalanx.toml")) -> ssl.SSLContext | None:
    """The authority of ``phalanx --ca``, ``PHALANX_CA`` or ``phalanx.toml``; None: those that the system
    trusts. Raises Failure BAD_SETTING.
    """
    path = _chosen.get() or _configured(file)
    return None if path is None else _context(path)


@lru_cache(4)
def _context(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(path)
    except OSError as error:
        detail = f"ca: no certificates in {path}: {error.strerror or error}"
        raise Failure(Exit.USAGE, "BAD_SETTING", detail) from None
    return context


def _configured(file: Path) -> Path | None:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("ca", "")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Failure(Exit.USAGE, "BAD_SETTING", f"{file}: {error}") from None
    return Path(str(found)) if found else None
