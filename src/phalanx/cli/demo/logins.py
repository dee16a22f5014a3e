"""The demo's logins: one of each role and a machine key, kept in a file that only its owner may read.

What the demo shows is nobody's money, so its passwords may be written down. They are drawn for each data
folder, and there are none where somebody made users of their own.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from phalanx.cli.exit_codes import Exit, Failure

if TYPE_CHECKING:
    from phalanx.access.directory import Directory
    from phalanx.domain.time import Random

FILE: Final = "demo-logins.json"
KEY: Final = "demo"
KEY_DAYS: Final = 365
PASSWORD_BYTES: Final = 6
NAMES: Final = ("admin", "trader", "viewer", "client")
"""Each of the role that it is named after; the client is the first one of the demo."""


class Logins(msgspec.Struct):
    """Passwords by name, and the token of the machine key; empty until it is made."""

    passwords: dict[str, str]
    key: str = ""


def make_logins(directory: "Directory", data: Path, client: int, random: "Random") -> Logins | None:
    """The logins of a data folder, made where they are not there yet; None where people made their own.

    The file is written first, so that a demo that is killed meanwhile goes on with the same ones.
    Slow: call it from a thread. Raises Failure DATA_FOLDER, AccessError.
    """
    path = data / FILE
    try:
        logins = _read(path)
        if logins is None:
            if directory.users.list():
                return None
            drawn = {name: random.token(PASSWORD_BYTES).hex() for name in NAMES}
            logins = Logins(drawn)
            _write(path, logins)
        _make_users(directory, logins, client)
        if not logins.key:
            logins.key = _make_key(directory)
            _write(path, logins)
    except OSError as error:
        detail = f"{error.filename or path}: {error.strerror or error}"
        raise Failure(Exit.FAILURE, "DATA_FOLDER", detail) from None
    return logins


def _make_users(directory: "Directory", logins: Logins, client: int) -> None:
    from phalanx.access.users import Duties
    from phalanx.domain.access import Role
    from phalanx.domain.secrets import Secret

    there = {user.name for user in directory.users.list()}
    for name, password in logins.passwords.items():
        if name in there:
            continue
        role = Role(name)
        clients = (client,) if role is Role.CLIENT else ()
        duties = Duties(role, clients, may_trade=role is Role.CLIENT)
        directory.users.create(name, duties, Secret(password))


def _make_key(directory: "Directory") -> str:
    """A key for everything a machine may do; one whose token was lost takes its name along."""
    from phalanx.access.machine_keys import NewKey
    from phalanx.domain.access import MACHINE_SCOPES
    from phalanx.domain.time import DAY

    taken = {key.name for key in directory.keys.list()}
    name = next(
        name
        for name in (KEY, *(f"{KEY}-{number}" for number in range(2, 1_002)))
        if name not in taken
    )
    until = directory.now() + KEY_DAYS * DAY
    return directory.keys.create(NewKey(name, MACHINE_SCOPES, until), by="local").token.reveal()


def _read(path: Path) -> Logins | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Logins)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise Failure(Exit.FAILURE, "DATA_FOLDER", f"{path}: {error}") from None


def _write(path: Path, logins: Logins) -> None:
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(logins)))
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)
