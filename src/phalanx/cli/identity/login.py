"""`phalanx login` and `phalanx logout`: who the next commands are, and no longer."""

from typing import TYPE_CHECKING, Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.identity.options import NameOption, PasswordStdinOption
from phalanx.cli.options import (
    DEFAULT_TIMEOUT_S,
    CaOption,
    InsecureOption,
    JsonOption,
    ServerOption,
    TimeoutOption,
)

if TYPE_CHECKING:
    from phalanx.cli.remote.connections import Connection
    from phalanx.cli.remote.safes import Safe


def login(
    *,
    server: ServerOption = None,
    name: NameOption = None,
    ca: CaOption = None,  # noqa: ARG001 - its callback acts
    insecure: InsecureOption = False,  # noqa: ARG001 - the same
    user: Annotated[
        str | None, typer.Option("--user", help="Your name there. [default: it is asked for]")
    ] = None,
    keyring: Annotated[
        bool | None,
        typer.Option(
            "--keyring/--file",
            help="Keep the secret in the system's keyring, or in a file of yours. [default: file]",
        ),
    ] = None,
    password_stdin: PasswordStdinOption = False,
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Keep a machine key, read from the standard input.")
    ] = False,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Log in, and keep that as a connection for the commands that follow.

    Asks for the password, and for a code where there is a second factor. A password that was given to
    you is changed at once. With --password-stdin the second line, if there is one, is the code.
    """
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.identity.logging_in import Draft, kept_key, logged_in

    draft = Draft.of(server, name, keyring=keyring)
    if key_stdin:
        if user is not None or password_stdin:
            raise Failure(Exit.USAGE, "EITHER_OR", "a machine key goes with no user or password")
        connection = kept_key(draft)
    else:
        connection = logged_in(draft, user, timeout_s, from_stdin=password_stdin)
    book = draft.settled(connection)
    screen = Screen(as_json=as_json)
    is_default = book.default == draft.name
    if as_json:
        told = {"name": draft.name, "url": connection.url, "user": connection.user or None}
        screen.document({**told, "secret": connection.secret.value, "default": is_default})
        return
    who = f"logged in as {connection.user}" if connection.user else "the machine key is kept"
    hint = "" if is_default else f"; use it with --connection {draft.name}"
    screen.say(f"{who} at {connection.url}, connection {draft.name}{hint}")


def logout(
    *,
    name: NameOption = None,
    ca: CaOption = None,  # noqa: ARG001 - its callback acts
    insecure: InsecureOption = False,  # noqa: ARG001 - the same
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """End the session of a connection, at once, and forget its secret.

    A machine key is forgotten here only; "keys revoke" ends it.
    """
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.remote.connections import read_book
    from phalanx.cli.remote.folder import home
    from phalanx.cli.remote.safes import safe_of
    from phalanx.cli.remote.target import address

    folder = home()
    book = read_book(folder)
    chosen = name or book.default
    if not chosen:
        raise Failure(Exit.USAGE, "NO_SUCH_CONNECTION", "there is no default connection")
    connection = book.named(chosen)
    safe = safe_of(folder, chosen, connection)
    if connection.user:
        address(None, connection, book)
        _end_session(chosen, connection, safe, timeout_s)
    safe.forget()
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document({"name": chosen, "url": connection.url, "logged_in": False})
    else:
        screen.say(f"logged out of {connection.url}, connection {chosen}")


def _end_session(name: str, connection: "Connection", safe: "Safe", timeout_s: float) -> None:
    """Raises Failure, but not where the session is over already."""
    from phalanx.cli.remote.client import Server
    from phalanx.cli.remote.folder import home
    from phalanx.cli.remote.target import identity_of

    if safe.read() is None:
        return
    identity = identity_of(home(), name, connection)
    try:
        with Server(connection.url, timeout_s, None, identity) as there:
            there.once("POST", "/api/v1/auth/logout", look="phalanx whoami")
    except Failure as failure:
        if failure.code not in {"SESSION_ENDED", "UNAUTHENTICATED"}:
            raise
