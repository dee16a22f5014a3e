"""Named connections: which servers somebody uses, and as whom. A file of names, without any secret."""

import json
import re
import tomllib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.folder import (
    locked,
    make_private,
    read_private,
    write_private,
)

FILE: Final = "connections.toml"
LOCK: Final = "connections.lock"
FIRST_NAME: Final = "main"
"""How a connection is called when nobody says."""
CONNECTIONS_MAX: Final = 1_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


class Place(StrEnum):
    """Where a connection's secret is."""

    FILE = "file"
    KEYRING = "keyring"


class Connection(msgspec.Struct, frozen=True, omit_defaults=True):
    """A server, and who somebody is there: a user, or, without one, a machine key. ``ca``: the file of the
    authority that signs its certificate, where that is none of the system's.
    """

    url: str
    user: str = ""
    secret: Place = Place.FILE
    ca: str = ""


class Book(msgspec.Struct, frozen=True):
    """All connections by name; ``default`` is the name of the one that is meant when nobody says."""

    default: str = ""
    connections: dict[str, Connection] = {}

    def named(self, name: str) -> Connection:
        """Raises Failure NO_SUCH_CONNECTION."""
        found = self.connections.get(name)
        if found is None:
            known = ", ".join(sorted(self.connections)) or "none"
            detail = f"there is no connection {name[:64]!r}; there are: {known}"
            raise Failure(Exit.USAGE, "NO_SUCH_CONNECTION", detail)
        return found

    def with_connection(self, name: str, connection: Connection) -> "Book":
        """One more, or another one of this name; the first is the default. Raises Failure TOO_MANY."""
        connections = {**self.connections, name: connection}
        if len(connections) > CONNECTIONS_MAX:
            detail = f"there are {CONNECTIONS_MAX} connections"
            raise Failure(Exit.FAILURE, "TOO_MANY", detail)
        return Book(self.default or name, connections)

    def with_default(self, name: str) -> "Book":
        """Raises Failure NO_SUCH_CONNECTION."""
        self.named(name)
        return Book(name, self.connections)

    def without(self, name: str) -> "Book":
        """One less; no default is left where it was that one."""
        rest = {one: self.connections[one] for one in self.connections if one != name}
        return Book("" if name == self.default else self.default, rest)


def read_book(folder: Path) -> Book:
    """What the file says; empty where there is none. Raises Failure BAD_SETTING, NOT_PRIVATE."""
    path = folder / FILE
    content = read_private(path)
    if content is None:
        return Book()
    try:
        found = tomllib.loads(content.decode("utf-8"))
        return msgspec.convert(found, type=Book)
    except (ValueError, msgspec.ValidationError) as error:
        raise Failure(Exit.USAGE, "BAD_SETTING", f"{path}: {error}") from None


def change_book(folder: Path, change: Callable[[Book], Book]) -> Book:
    """Write what becomes of the file; two processes never undo each other's change. Raises Failure."""
    make_private(folder)
    with locked(folder / LOCK):
        book = change(read_book(folder))
        write_private(folder / FILE, _toml(book).encode("utf-8"))
    return book


def checked_name(name: str) -> str:
    """A name that may also be one of a file. Raises Failure USAGE."""
    if _NAME.fullmatch(name) is None:
        detail = f"{name[:64]!r} is no name: letters, digits, - and _, at most 64"
        raise Failure(Exit.USAGE, "BAD_NAME", detail)
    return name


def _toml(book: Book) -> str:
    """The file. A JSON string is also one of TOML, as long as no character outside is written in halves."""
    lines = [f"default = {_text(book.default)}"] if book.default else []
    for name, connection in sorted(book.connections.items()):
        lines += ["", f"[connections.{_text(name)}]"]
        fields = msgspec.to_builtins(connection)
        lines += [f"{field} = {_text(value)}" for field, value in fields.items()]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
