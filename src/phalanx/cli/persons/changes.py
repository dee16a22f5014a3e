"""`phalanx changes`: what loosens a bound and waits for another person, and what became of the others."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from phalanx.cli.exit_codes import Exit
from phalanx.cli.input import completion
from phalanx.cli.option_sets import Asking, Changing, Paged, expanded
from phalanx.cli.options import NoteOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(
    help="List what waits for another person; approve or decline it.", rich_markup_mode=None
)

PATH = "/api/v1/changes"
ChangeArgument: TypeAlias = Annotated[
    str, typer.Argument(help="The change's id.", autocompletion=completion.changes)
]


class Status(StrEnum):
    """Where a change stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    DECLINED = "declined"
    EXPIRED = "expired"
    ALL = "all"


StatusOption: TypeAlias = Annotated[
    Status, typer.Option("--status", help="Those that stand so.", case_sensitive=False)
]


@app.callback(invoke_without_command=True)
@expanded
def changes(context: typer.Context, *, paged: Paged) -> None:
    """List the changes that wait for another person, or decide about one of them."""
    if is_for_subcommand(context):
        return
    _list(paged, Status.WAITING)


@app.command("list")
@expanded
def list_(*, status: StatusOption = Status.WAITING, paged: Paged) -> None:
    """List changes, newest first: those that wait, or that ended in some way."""
    _list(paged, status)


@app.command("show")
@expanded
def show(change_id: ChangeArgument, *, asking: Asking) -> None:
    """Show one with all that it would do."""
    from phalanx.cli.input.names import at
    from phalanx.cli.remote.documents import decode

    with asking.connect() as there:
        found = decode(there.read(at(PATH, change_id)))
    screen = asking.screen()
    if screen.as_json or not isinstance(found, dict):
        screen.document(found)
        return
    details = found.pop("details", None)
    screen.fields(found)
    for line in details if isinstance(details, list) else ():
        screen.say(str(line))


@app.command("approve")
@expanded
def approve(change_id: ChangeArgument, *, note: NoteOption = "", changing: Changing) -> None:
    """Approve what another person asked for: it is decided anew and done, at once."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.remote.documents import decode

    answer = _decide(changing, change_id, "approve", note)
    document = decode(answer)
    refused = isinstance(document, dict) and document.get("status") == "REFUSED"
    sentence = f"change {change_id} is approved and done"
    if refused and isinstance(document, dict):
        why = f"{document.get('refusal')}: {document.get('refusal_text')}"
        sentence = f"change {change_id} was not possible any more, nothing is done: {why}"
    shown(changing, answer, sentence=sentence)
    if refused:
        raise typer.Exit(Exit.FAILURE)


@app.command("decline")
@expanded
def decline(change_id: ChangeArgument, *, note: NoteOption = "", changing: Changing) -> None:
    """Decline it, or take back what you asked for yourself, at once."""
    from phalanx.cli.display.listing import shown

    answer = _decide(changing, change_id, "decline", note)
    shown(changing, answer, sentence=f"change {change_id} is declined, nothing is done")


def _decide(changing: Changing, change_id: str, how: str, note: str) -> bytes:
    from phalanx.cli.input.names import at

    body = {"note": note} if note else {}
    with changing.connect() as there:
        return there.change("POST", at(PATH, change_id, how), key=changing.key, body=body)


def _list(paged: Paged, status: Status) -> None:
    from phalanx.cli.display.columns import CHANGES, DECIDED_CHANGES
    from phalanx.cli.display.listing import listed

    chosen = Status(status)
    columns = CHANGES if chosen is Status.WAITING else DECIDED_CHANGES
    empty = "nothing waits for another person" if chosen is Status.WAITING else "no changes"
    listed(paged, PATH, columns, empty=empty, parameters={"status": chosen.value})
