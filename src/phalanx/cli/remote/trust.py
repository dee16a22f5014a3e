"""Which way the commands trust: whose signature under a server's certificate, and plain http or not.

A settings file of the working folder may be a stranger's. It is believed about this machine only: about
other servers counts what was said with the command, in the environment, or when a connection was made.
"""

import ssl
import tomllib
from contextvars import ContextVar
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from phalanx.cli.exit_codes import Exit, Failure

SETTINGS: Final = Path("phalanx.toml")
_chosen: ContextVar[Path | None] = ContextVar("chosen", default=None)
_insecure: ContextVar[bool] = ContextVar("insecure", default=False)


def choose(path: Path | None) -> None:
    """What ``--ca`` or the environment names, for the command that follows."""
    _chosen.set(path)


def chosen() -> Path | None:
    """What ``choose`` was told."""
    return _chosen.get()


def allow_plain(allowed: bool) -> None:
    """What ``--insecure`` or the environment says, for the command that follows."""
    _insecure.set(allowed)


def check_way(url: str, known_ca: str = "") -> None:
    """Whether the way to a server is one for secrets; ``known_ca``: what its connection was made with.

    Raises Failure NOT_ENCRYPTED for plain http to another machine, CA_NOT_NAMED where only the settings
    file of the working folder says whose signature counts, BAD_SETTING.
    """
    if is_this_machine(url):
        return
    if not url.startswith("https://"):
        if _insecure.get():
            return
        detail = (
            f"{url} is plain http to another machine: what is sent can be read and changed on the way. "
            "Reach it over https, or say --insecure"
        )
        raise Failure(Exit.NOT_ALLOWED, "NOT_ENCRYPTED", detail)
    if _chosen.get() is not None:
        return
    if known_ca:
        choose(Path(known_ca))
    elif path := _configured(SETTINGS):
        detail = (
            f"only ./{SETTINGS} says to trust {path}, and it may be a stranger's; nothing is sent to "
            f"{url} on its word. Say --ca {path}, PHALANX_CA, or log in with --ca once"
        )
        raise Failure(Exit.NOT_ALLOWED, "CA_NOT_NAMED", detail)


def is_this_machine(url: str) -> bool:
    """Whether an address leads to loopback."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def authority(file: Path = SETTINGS) -> ssl.SSLContext | None:
    """The authority of ``--ca``, ``PHALANX_CA``, the connection or ``phalanx.toml``; None: those that the
    system trusts. Raises Failure BAD_SETTING.
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
