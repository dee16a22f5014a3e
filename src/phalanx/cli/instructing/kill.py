"""`phalanx kill`: stop new risk at once, and lift that again."""

from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit
from phalanx.cli.input import completion
from phalanx.cli.option_sets import Asking, Changing, expanded
from phalanx.cli.options import NoteOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(help="Stop new risk; show or lift what stops it.", rich_markup_mode=None)

PATH = "/api/v1/kill"
AccountChoice = Annotated[
    str | None,
    typer.Option(
        "--account",
        help="This account only. Without it: everybody.",
        autocompletion=completion.accounts,
    ),
]


@app.callback(invoke_without_command=True)
@expanded
def kill(
    context: typer.Context,
    *,
    account: AccountChoice = None,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="And close today's positions, never the holdings.")
    ] = False,
    note: NoteOption = "",
    changing: Changing,
) -> None:
    """Stop everything that is not reduce-only, at once. Cancels and exits still pass."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.listing import shown

    body: dict[str, object] = {}
    if account is not None:
        body["account"] = account
    if note:
        body["note"] = note
    if flatten:
        body["flatten"] = True
    with changing.connect() as there:
        answer = there.change("PUT", PATH, key=changing.key, body=body)
    found = _flattening(answer) if flatten else None
    sentence = f"new orders are stopped for {account or 'everybody'}"
    shown(changing, answer, sentence=sentence if found is None else f"{sentence}; {_told(found)}")
    if found is not None and any(one.get("instruction_id") is None for one in _exits(found)):
        raise typer.Exit(Exit.PARTIAL)


@app.command("lift")
@expanded
def lift(*, account: AccountChoice = None, note: NoteOption = "", changing: Changing) -> None:
    """Lift a kill: new orders may be sent again."""
    from phalanx.cli.display.listing import shown

    chosen = {"account": account, "note": note or None}
    with changing.connect() as there:
        answer = there.change("DELETE", PATH, key=changing.key, parameters=chosen)
    shown(changing, answer, sentence=f"the kill for {account or 'everybody'} is lifted")


@app.command("show")
@expanded
def show(*, asking: Asking) -> None:
    """List the kills that stand."""
    from phalanx.cli.display.listing import show_list
    from phalanx.cli.display.screen import Column, Kind

    columns = (
        Column("account", "account"),
        Column("since", "time", Kind.TIME),
        Column("by", "actor"),
        Column("note", "note"),
    )
    with asking.connect() as there:
        show_list(there, asking.screen(), PATH, {}, columns, empty="no kill stands", arrange=_named)


def _flattening(answer: bytes) -> dict[str, object] | None:
    """The exit that goes with a kill; without an id, it was refused and only the kill stands."""
    from phalanx.cli.remote.documents import decode

    document = decode(answer)
    found = document.get("flatten") if isinstance(document, dict) else None
    return found if isinstance(found, dict) else None


def _exits(found: dict[str, object]) -> list[dict[str, object]]:
    """The exit, and the others where one could not hold so many orders."""
    more = found.get("more")
    others = more if isinstance(more, list) else []
    return [found, *(one for one in others if isinstance(one, dict))]


def _told(found: dict[str, object]) -> str:
    return "; ".join(map(_told_of_one, _exits(found)))


def _told_of_one(found: dict[str, object]) -> str:
    if found.get("reason"):
        return f"nothing is closed: {found.get('message') or found['reason']}"
    counts = found.get("counts")
    orders = counts.get("orders") if isinstance(counts, dict) else "?"
    return f"{found.get('instruction_id')} closes today's positions with {orders} orders"


def _named(row: dict[str, object]) -> dict[str, object]:
    return {**row, "account": row.get("account") or "everybody"}
