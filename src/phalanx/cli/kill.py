"""`phalanx kill`: stop new risk at once, and lift that again."""

from typing import Annotated

import typer

from phalanx.cli.groups import is_for_subcommand
from phalanx.cli.options import (
    DEFAULT_TIMEOUT_S,
    JsonOption,
    KeyOption,
    NoteOption,
    ServerOption,
    TimeoutOption,
)

app = typer.Typer(help="Stop new risk; show or lift what stops it.", rich_markup_mode=None)

AccountChoice = Annotated[
    str | None, typer.Option("--account", help="This account only. Without it: everybody.")
]


@app.callback(invoke_without_command=True)
def kill(
    context: typer.Context,
    *,
    account: AccountChoice = None,
    note: NoteOption = "",
    key: KeyOption = None,
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Stop everything that is not reduce-only, at once. Cancels and exits still pass."""
    if is_for_subcommand(context):
        return
    body: dict[str, str] = {}
    if account is not None:
        body["account"] = account
    if note:
        body["note"] = note
    from phalanx.cli.client import connect

    with connect(server, timeout_s) as there:
        answer = there.change("PUT", "/api/v1/kill", key=key, body=body)
    _show(answer, f"new orders are stopped for {account or 'everybody'}", as_json=as_json)


@app.command("lift")
def lift(
    *,
    account: AccountChoice = None,
    note: NoteOption = "",
    key: KeyOption = None,
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Lift a kill: new orders may be sent again."""
    from phalanx.cli.client import connect

    with connect(server, timeout_s) as there:
        chosen = {"account": account, "note": note or None}
        answer = there.change("DELETE", "/api/v1/kill", key=key, parameters=chosen)
    _show(answer, f"the kill for {account or 'everybody'} is lifted", as_json=as_json)


@app.command("show")
def show(
    *,
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """List the kills that stand."""
    from phalanx.cli.client import connect
    from phalanx.cli.listing import show_list
    from phalanx.cli.screen import Column, Kind, Screen

    columns = (
        Column("account", "account"),
        Column("since", "time", Kind.TIME),
        Column("by", "actor"),
        Column("note", "note"),
    )
    screen = Screen(as_json=as_json)
    with connect(server, timeout_s) as there:
        path = "/api/v1/kill"
        show_list(there, screen, path, {}, columns, empty="no kill stands", arrange=_named)


def _named(row: dict[str, object]) -> dict[str, object]:
    return {**row, "account": row.get("account") or "everybody"}


def _show(answer: bytes, sentence: str, *, as_json: bool) -> None:
    from phalanx.cli.documents import decode
    from phalanx.cli.screen import Screen

    screen = Screen(as_json=as_json)
    if as_json:
        screen.document(decode(answer) if answer else {})
    else:
        screen.say(sentence)
