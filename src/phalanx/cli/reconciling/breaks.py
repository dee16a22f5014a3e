"""`phalanx breaks`: what differs from the brokers' books, whose it is, and that it is settled."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input import completion
from phalanx.cli.option_sets import Asking, Changing, Listing, expanded
from phalanx.cli.options import AccountOption, LimitOption, SkipOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(
    help="List what differs from the brokers' books; show, take or close one.",
    rich_markup_mode=None,
)

PATH = "/api/v1/breaks"
BreakArgument: TypeAlias = Annotated[
    str, typer.Argument(help="The break's id.", autocompletion=completion.breaks)
]


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which breaks."""

    all_of_them: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False
    closed: Annotated[bool, typer.Option("--closed", help="Only those that are over.")] = False
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only of this kind, such as POSITION.")
    ] = None
    owner: Annotated[
        str | None, typer.Option("--owner", help='Only this person\'s; "" those of nobody.')
    ] = None
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Only those that are past their deadline.")
    ] = False

    def chosen(self) -> dict[str, str | None]:
        """As the server is asked. Raises Failure USAGE for two that exclude each other."""
        if self.closed and (self.all_of_them or self.overdue):
            other = "--all" if self.all_of_them else "--overdue"
            raise Failure(Exit.USAGE, "EITHER_OR", f"say --closed or {other}, not both")
        status = "closed" if self.closed else "all" if self.all_of_them else "open"
        return {
            "status": status,
            "kind": None if self.kind is None else self.kind.upper(),
            "owner": self.owner,
            "overdue": "true" if self.overdue else None,
        }


@app.callback(invoke_without_command=True)
@expanded
def breaks(
    context: typer.Context,
    *,
    which: Which,
    account: AccountOption = None,
    limit: LimitOption = 100,
    skip: SkipOption = 0,
    listing: Listing,
) -> None:
    """List open breaks, newest first, or do something with one of them."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.columns import BREAKS, CLOSED_BREAKS
    from phalanx.cli.display.listing import listed

    chosen = {**which.chosen(), "account": account, "limit": limit, "skip": skip}
    columns = BREAKS if chosen["status"] == "open" else CLOSED_BREAKS
    listed(listing, PATH, columns, empty="no breaks", parameters=chosen)


@app.command("show")
@expanded
def show(break_id: BreakArgument, *, asking: Asking) -> None:
    """Show one with all there is to know about it."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with asking.connect() as there:
        answer = there.read(at(PATH, break_id))
    shown(asking, answer)


@app.command("take")
@expanded
def take(
    break_id: BreakArgument,
    *,
    owner: Annotated[
        str | None, typer.Option("--owner", help='Who has it from now on; "" gives it back.')
    ] = None,
    note: Annotated[str | None, typer.Option("--note", help="What there is to know.")] = None,
    deadline: Annotated[
        str | None,
        typer.Option("--deadline", help="To be settled by then: ISO 8601 with its offset."),
    ] = None,
    changing: Changing,
) -> None:
    """Say whose it is, until when it is to be settled, or what there is to know, at once."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    said = {"owner": owner, "note": note, "deadline": deadline}
    body = {field: value for field, value in said.items() if value is not None}
    if not body:
        raise Failure(Exit.USAGE, "NOTHING_TO_CHANGE", "say --owner, --note or --deadline")
    if deadline is not None:
        _check(deadline)
    with changing.connect() as there:
        answer = there.change("PATCH", at(PATH, break_id), key=changing.key, body=body)
    shown(changing, answer)


@app.command("close")
@expanded
def close(
    break_id: BreakArgument,
    *,
    note: Annotated[str, typer.Option("--note", help="How it was settled.")],
    changing: Changing,
) -> None:
    """Say that it is settled, at once; what still differs tomorrow is filed again."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with changing.connect() as there:
        answer = there.change(
            "POST", at(PATH, break_id, "close"), key=changing.key, body={"note": note}
        )
    shown(changing, answer, sentence=f"break {break_id} is settled")


def _check(deadline: str) -> None:
    """Raises Failure BAD_MOMENT for one that is over or no time."""
    from datetime import UTC, datetime

    from phalanx.cli.input.moments import check_ahead

    check_ahead(deadline, datetime.now(UTC))
