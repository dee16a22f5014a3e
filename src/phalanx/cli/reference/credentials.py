"""`phalanx credentials`: what logins need at their brokers, sealed; and the keys that seal it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.option_sets import Asking, expanded
from phalanx.cli.options import JsonOption
from phalanx.cli.subcommands import is_for_subcommand

if TYPE_CHECKING:
    from phalanx.cli.remote.client import Server

app = typer.Typer(
    help="List sealed credentials; put or forget one, change the key that seals.",
    rich_markup_mode=None,
)

PATH = "/api/v1/credentials"
LoginArgument = Annotated[str, typer.Argument(metavar="LOGIN", help="The login's name.")]


@app.callback(invoke_without_command=True)
@expanded
def credentials(context: typer.Context, *, asking: Asking) -> None:
    """List the logins that have sealed credentials, or do something with one of them."""
    if is_for_subcommand(context):
        return
    _list(asking)


@app.command("list")
@expanded
def list_(*, asking: Asking) -> None:
    """List them; values are never shown."""
    _list(asking)


@app.command("put")
@expanded
def put(
    login: LoginArgument,
    *,
    broker: Annotated[str, typer.Option("--broker", help="The broker of this login.")],
    field: Annotated[
        list[str] | None,
        typer.Option("--field", help="Ask for this field on the terminal; may be repeated."),
    ] = None,
    expected: Annotated[
        int | None,
        typer.Option(
            "--expected", min=0, help="The version to replace, 0 for none. [default: what is there]"
        ),
    ] = None,
    asking: Asking,
) -> None:
    """Seal a login's credential, whole, at once. Its fields are asked for, or read as name=value lines."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at
    from phalanx.cli.input.secret_fields import secret_fields

    with asking.connect() as there, _unanswered():
        version = _version(there, login) if expected is None else expected
        found = secret_fields(field or ())
        fields = {name: value.reveal() for name, value in found.items()}
        body = {"broker": broker, "fields": fields, "expected": version}
        answer = there.change("PUT", at(PATH, login), body=body)
    shown(asking, answer, sentence=f"version {version + 1} of {login} is sealed")


@app.command("forget")
@expanded
def forget(login: LoginArgument, *, asking: Asking) -> None:
    """Keep nothing of a login, at once."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with asking.connect() as there, _unanswered():
        answer = there.change("DELETE", at(PATH, login))
    shown(asking, answer, sentence=f"nothing is kept of {login}")


@app.command("keks")
@expanded
def keks(*, asking: Asking) -> None:
    """List the keys that seal, by their ids."""
    from phalanx.cli.display.listing import listed
    from phalanx.cli.display.screen import Column, Kind

    columns = (
        Column("key", "kek_id"),
        Column("records", "sealed", Kind.NUMBER),
        Column("current", "current"),
        Column("present", "present"),
    )
    listed(asking, f"{PATH}/keks", columns, empty="no keys")


@app.command("rekey")
@expanded
def rekey(*, asking: Asking) -> None:
    """Have a new key seal everything, at once, while everybody works.

    Ends with 3 when some records could not be rewrapped: their key is kept.
    """
    from phalanx.cli.remote.documents import decode

    with asking.connect() as there, _unanswered():
        done = decode(there.change("POST", f"{PATH}/rekey"))
    screen = asking.screen()
    assert isinstance(done, dict)
    if screen.as_json:
        screen.document(done)
    else:
        screen.say(f"{done['rewrapped']} records are sealed with {done['current']} now")
        for kek_id in done["retired"]:
            screen.say(f"{kek_id} seals nothing any more")
        for failure in done["failures"]:
            screen.note(f"not rewrapped: {failure}")
    if done["failed"]:
        raise typer.Exit(Exit.PARTIAL)


@app.command("new-key")
def new_key(
    *,
    out: Annotated[Path, typer.Option("--out", help="The file to make; it must not be there yet.")],
    as_json: JsonOption = False,
) -> None:
    """Draw a key-encryption key into a file that only its owner may read. Asks no server."""
    from phalanx.access.vault.errors import VaultError
    from phalanx.access.vault.key_sources import key_from_file, make_key_file
    from phalanx.bootstrap import SystemRandom
    from phalanx.cli.display.screen import Screen

    try:
        if not make_key_file(out, SystemRandom()):
            raise Failure(Exit.FAILURE, "FILE_EXISTS", f"{out} is there already; it was left alone")
        kek_id = key_from_file(out).id
    except VaultError as error:
        raise Failure(Exit.FAILURE, error.code, error.message) from None
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document({"kek_id": kek_id, "file": str(out)})
    else:
        screen.say(f"key {kek_id} is in {out}")


def _list(asking: Asking) -> None:
    from phalanx.cli.display.listing import listed
    from phalanx.cli.display.screen import Column, Kind

    columns = (
        Column("login", "login"),
        Column("broker", "broker"),
        Column("version", "version", Kind.NUMBER),
        Column("key", "kek_id"),
        Column("by", "created_by"),
        Column("at", "created_at", Kind.TIME),
    )
    listed(asking, PATH, columns, empty="no credentials")


def _version(there: "Server", login: str) -> int:
    """The version that is there now, before anybody is asked for anything; 0 for none."""
    from phalanx.cli.remote.documents import rows_of

    found = (row.get("version") for row in rows_of(there.read(PATH)) if row.get("login") == login)
    version = next(found, 0)
    return version if isinstance(version, int) else 0


@contextmanager
def _unanswered() -> Iterator[None]:
    """These doors take no key: what became of a change without an answer is looked up, or it is said again."""
    try:
        yield
    except Failure as failure:
        if failure.exit_code is not Exit.UNKNOWN:
            raise
        detail = (
            "no answer came; the change may have been made. phalanx credentials list, or keks, "
            "tells; to say it again does no harm"
        )
        raise Failure(Exit.UNKNOWN, failure.code, detail) from None
