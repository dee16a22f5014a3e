"""Where a command goes, and as whom."""

import os
import tomllib
from pathlib import Path
from typing import NamedTuple

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.address import DEFAULT_SERVER
from phalanx.cli.remote.client import checked_url
from phalanx.cli.remote.connections import Book, Connection, read_book
from phalanx.cli.remote.folder import home
from phalanx.cli.remote.identity import Identity, TokenIdentity, checked_token
from phalanx.cli.remote.trust import SETTINGS, check_way, is_this_machine

TOKEN_VARIABLE = "PHALANX_TOKEN"  # noqa: S105 - a name


class Target(NamedTuple):
    """A server's address, and who we are there."""

    url: str
    identity: Identity


def target(server: str | None, connection: str | None, *, renews: bool = True) -> Target:
    """The server and the identity that a command's options, the environment and the connections say.

    Where: ``server`` > the named connection > ``phalanx.toml`` > the default connection > this machine.
    Who: ``PHALANX_TOKEN`` > the named connection > the default one > nobody. A connection's secret goes to
    the connection's own server only, and no secret to a server that nobody but ``phalanx.toml`` names.
    ``renews``: a session may be refreshed, which takes its time. Raises Failure as `address`, and others.
    """
    folder = home()
    book = read_book(folder)
    chosen = None if connection is None else book.named(connection)
    url = address(server, chosen, book)
    if text := os.environ.get(TOKEN_VARIABLE):
        token = checked_token(text, TOKEN_VARIABLE)
        return Target(url, TokenIdentity(token, f"{TOKEN_VARIABLE} is not (or no longer) valid"))
    if connection is None:
        name, found = book.default, book.connections.get(book.default)
        if found is None or checked_url(found.url) != url:
            return Target(url, Identity())
    else:
        name, found = connection, book.named(connection)
        if checked_url(found.url) != url:
            detail = f"connection {name} is for {found.url}, not for {url}; its secret stays there"
            raise Failure(Exit.USAGE, "CONNECTION_ELSEWHERE", detail)
    return Target(url, identity_of(folder, name, found, renews=renews))


def identity_of(
    folder: Path, name: str, connection: Connection, *, renews: bool = True
) -> Identity:
    """Who a connection is. Raises Failure LOGIN_NEEDED, NO_KEYRING, NOT_PRIVATE."""
    from phalanx.cli.remote.safes import safe_of
    from phalanx.cli.remote.session import SessionIdentity

    safe = safe_of(folder, name, connection)
    if connection.user:
        advice = f"log in again: phalanx login --name {name}"
        return SessionIdentity(checked_url(connection.url), safe, advice, renews=renews)
    advice = f"put another key there: phalanx login --name {name} --key-stdin"
    kept = safe.read()
    if kept is None:
        detail = f"connection {name} has no key; {advice}"
        raise Failure(Exit.NOT_ALLOWED, "LOGIN_NEEDED", detail)
    return TokenIdentity(kept.token, advice)


def address(server: str | None, chosen: Connection | None, book: Book) -> str:
    """Where, by a way that a secret may take: every command sends one, or may be asked for one.

    Raises Failure BAD_ADDRESS, BAD_SETTING, SERVER_NOT_NAMED, NOT_ENCRYPTED, CA_NOT_NAMED.
    """
    url = _address(server, chosen, book)
    known = (one.ca for one in _leading_to(url, book) if one.ca)
    check_way(url, next(known, ""))
    return url


def _address(server: str | None, chosen: Connection | None, book: Book) -> str:
    if server is not None:
        return checked_url(server)
    if chosen is not None:
        return checked_url(chosen.url)
    default = book.connections.get(book.default)
    fallback = DEFAULT_SERVER if default is None else default.url
    url = checked_url(configured_server(otherwise=fallback))
    if not is_this_machine(url) and not _leading_to(url, book):
        detail = (
            f"only ./{SETTINGS} names {url}, and it may be a stranger's; nothing is sent there on its "
            f"word. Say --server {url}, PHALANX_SERVER, or log in there with --server once"
        )
        raise Failure(Exit.NOT_ALLOWED, "SERVER_NOT_NAMED", detail)
    return url


def _leading_to(url: str, book: Book) -> list[Connection]:
    return [one for one in book.connections.values() if checked_url(one.url) == url]


def configured_server(file: Path = SETTINGS, *, otherwise: str = DEFAULT_SERVER) -> str:
    """``server`` of the settings file, where there is one. Raises Failure BAD_SETTING."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("server", otherwise)
    except FileNotFoundError:
        return otherwise
    except (OSError, ValueError) as error:
        raise Failure(Exit.USAGE, "BAD_SETTING", f"{file}: {error}") from None
    return str(found)
