"""Making a connection: from a name and a password, or a machine key, to a secret that is put away."""

import sys
from pathlib import Path
from typing import Final, Self

import msgspec

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.secrets import ask, ask_new_password, ask_secret, line_of_stdin
from phalanx.cli.remote import trust
from phalanx.cli.remote.client import PASSWORD_CHANGE_NEEDED, TOTP_NEEDED, Server
from phalanx.cli.remote.connections import (
    FIRST_NAME,
    Book,
    Connection,
    Place,
    change_book,
    checked_name,
    read_book,
)
from phalanx.cli.remote.documents import decode_as
from phalanx.cli.remote.folder import home, locked, make_private
from phalanx.cli.remote.identity import TokenIdentity, checked_token
from phalanx.cli.remote.safes import Kept, Safe, safe_of
from phalanx.cli.remote.session import LOGIN_PATH, Granted
from phalanx.cli.remote.target import address
from phalanx.domain.secrets import Secret

PASSWORD_PATH: Final = "/api/v1/auth/password"  # noqa: S105 - a path


class Draft(msgspec.Struct, frozen=True):
    """A connection to be: where it is kept, what it is called, where it leads."""

    folder: Path
    name: str
    url: str
    place: Place
    user: str = ""
    ca: str = ""

    @classmethod
    def of(cls, server: str | None, name: str | None, *, keyring: bool | None) -> Self:
        """As the options say, else as the connection was. Raises Failure, before anybody is asked; also where
        a secret may not go there.
        """
        folder = home()
        make_private(folder)
        book = read_book(folder)
        name = checked_name(name or book.default or FIRST_NAME)
        known = book.connections.get(name)
        ca = trust.chosen()
        url = address(server, known, book)
        if known is not None and known.url != url:
            detail = (
                f"connection {name} is for {known.url}; give this one another --name, or: "
                f"phalanx connections forget {name}"
            )
            raise Failure(Exit.USAGE, "CONNECTION_ELSEWHERE", detail)
        place = Place.FILE if known is None else known.secret
        if keyring is not None:
            place = Place.KEYRING if keyring else Place.FILE
        kept_ca = "" if known is None else known.ca
        draft = cls(
            folder,
            name,
            url,
            place,
            "" if known is None else known.user,
            kept_ca if ca is None else str(ca.absolute()),
        )
        draft.safe().lock()
        return draft

    def connection(self, user: str = "") -> Connection:
        """What becomes of it for a user, or for a machine key."""
        return Connection(self.url, user, self.place, self.ca)

    def safe(self) -> Safe:
        """Where its secret goes. Raises Failure NO_KEYRING."""
        return safe_of(self.folder, self.name, self.connection())

    def keep(self, kept: Kept) -> None:
        """Put the secret away, alone: nobody else may be about to renew the one before. Raises Failure."""
        safe = self.safe()
        with locked(safe.lock()):
            safe.write(kept)

    def settled(self, connection: Connection) -> Book:
        """Write the connection down, and forget a secret that it had elsewhere. Raises Failure."""
        before = read_book(self.folder).connections.get(self.name)
        book = change_book(self.folder, lambda book: book.with_connection(self.name, connection))
        if before is not None and before.secret is not connection.secret:
            safe_of(self.folder, self.name, before).forget()
        return book


def kept_key(draft: Draft) -> Connection:
    """A machine key of the standard input, put away as it is. Raises Failure BAD_TOKEN."""
    token = checked_token(line_of_stdin("machine key").reveal(), "the standard input")
    draft.keep(Kept(token))
    return draft.connection()


def logged_in(draft: Draft, user: str | None, timeout_s: float, *, from_stdin: bool) -> Connection:
    """A session of somebody who says their password, put away. Raises Failure."""
    user = user or draft.user or (ask("user:") if not from_stdin else "")
    if not user:
        raise Failure(Exit.USAGE, "USAGE", "say --user")
    password = line_of_stdin("password") if from_stdin else ask_secret(f"password of {user}:")
    with Server(draft.url, timeout_s) as there:
        granted = _granted(there, user, password, from_stdin=from_stdin)
    draft.keep(granted.kept())
    connection = draft.connection(user)
    if granted.must_change:
        draft.settled(connection)
        if from_stdin:
            detail = "logged in, and the password must be changed before anything else"
            raise Failure(Exit.NOT_ALLOWED, PASSWORD_CHANGE_NEEDED, f"{detail}: phalanx password")
        print("this password was given to you; choose one of your own", file=sys.stderr)
        _change(draft.url, timeout_s, granted, password)
    return connection


def change_password(there: Server, old: Secret, new: Secret) -> None:
    """Raises Failure, WEAK_PASSWORD and WRONG_PASSWORD among them."""
    body = {"old": old.reveal(), "new": new.reveal()}
    there.once("POST", PASSWORD_PATH, body=body, look="log in with the new password: phalanx login")


def _change(url: str, timeout_s: float, granted: Granted, old: Secret) -> None:
    identity = TokenIdentity(Secret(granted.access_token), "log in again: phalanx login")
    with Server(url, timeout_s, None, identity) as there:
        change_password(there, old, ask_new_password())


def _granted(there: Server, user: str, password: Secret, *, from_stdin: bool) -> Granted:
    body = {"user": user, "password": password.reveal()}
    try:
        answer = there.ask(LOGIN_PATH, body=body)
    except Failure as failure:
        if failure.code != TOTP_NEEDED:
            raise
        code = line_of_stdin("code") if from_stdin else ask_secret("code:")
        answer = there.ask(LOGIN_PATH, body={**body, "code": code.reveal().strip()})
    return decode_as(answer, Granted)
