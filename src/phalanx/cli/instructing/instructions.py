"""`phalanx instructions`: what was asked for, what came of it, and what may follow it."""

from enum import StrEnum
from typing import Annotated

import typer

from phalanx.cli.instructing.following import FollowUp, follow, rehearse_follow_up
from phalanx.cli.option_sets import Asking, Deciding, Rehearsing, Sending, expanded
from phalanx.cli.options import LimitOption, SkipOption, WaitOption, WaitTimeoutOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(
    help="List instructions; show, follow up, approve or decline one.",
    rich_markup_mode=None,
)

InstructionArgument = Annotated[str, typer.Argument(help="The instruction's id.")]


class Kind(StrEnum):
    """What an instruction may be."""

    SIGNAL = "signal"
    ORDER = "order"
    PRIORITY_BUY = "priority_buy"
    BATCH = "batch"
    EXIT = "exit"
    CANCEL = "cancel"


class Status(StrEnum):
    """Where it stands."""

    HELD = "HELD"
    WORKING = "WORKING"
    DONE = "DONE"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"


class WaitsFor(StrEnum):
    """What it waits for while it is HELD."""

    TIME = "time"
    APPROVAL = "approval"


@app.callback(invoke_without_command=True)
@expanded
def instructions(
    context: typer.Context,
    *,
    status: Annotated[
        Status | None, typer.Option("--status", help="Only in this state.", case_sensitive=False)
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="Only of this kind.", case_sensitive=False)
    ] = None,
    waits_for: Annotated[
        WaitsFor | None,
        typer.Option(
            "--waits-for", help="Only held ones that wait for this.", case_sensitive=False
        ),
    ] = None,
    limit: LimitOption = 100,
    skip: SkipOption = 0,
    asking: Asking,
) -> None:
    """List instructions, newest first, or do something with one of them."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.columns import INSTRUCTIONS
    from phalanx.cli.display.listing import show_list
    from phalanx.cli.instructing import draft
    from phalanx.cli.instructing.telling import in_words

    chosen = {
        "status": None if status is None else status.value,
        "kind": None if kind is None else kind.value,
        "waits_for": None if waits_for is None else waits_for.value,
        "limit": limit,
        "skip": skip,
    }
    with asking.connect() as there:
        show_list(
            there,
            asking.screen(),
            draft.INSTRUCTIONS,
            chosen,
            INSTRUCTIONS,
            empty="no instructions",
            arrange=in_words,
        )


@app.command("show")
@expanded
def show(
    instruction: InstructionArgument,
    *,
    asking: Asking,
) -> None:
    """Show one with its orders, what it left out and why, and how long each hop took."""
    from phalanx.cli.instructing.telling import tell
    from phalanx.cli.instructing.waiting import known

    with asking.connect() as there:
        tell(asking.screen(), known(there, instruction))


@app.command("cancel")
@expanded
def cancel(instruction: InstructionArgument, *, sending: Sending) -> None:
    """Cancel what is still open of it, at once; one that is held never fires.

    Within the undo window (the setting undo_ms) this is the undo: what was not sent ends unsent.
    """
    follow(instruction, "cancel", sending)


@app.command("approve")
@expanded
def approve(
    instruction: InstructionArgument,
    *,
    wait: WaitOption = False,
    wait_s: WaitTimeoutOption = 60.0,
    deciding: Deciding,
) -> None:
    """Let one go that waits for approval, at once: it is planned now, or when its time comes.

    Somebody else than who asked for it.
    """
    from phalanx.cli.instructing.deciding import decide

    decide(instruction, "approve", deciding, wait_s if wait else None)


@app.command("decline")
@expanded
def decline(instruction: InstructionArgument, *, deciding: Deciding) -> None:
    """End one that waits for approval, at once: nothing of it is planned.

    Somebody else than who asked for it; they cancel it.
    """
    from phalanx.cli.instructing.deciding import decide

    decide(instruction, "decline", deciding)


@app.command("retry")
@expanded
def retry(instruction: InstructionArgument, *, rehearsing: Rehearsing) -> None:
    """Send again (with --confirm) what was rejected or never reached the broker, and only that."""
    _follow_up(instruction, "retry", rehearsing)


@app.command("reverse")
@expanded
def reverse(instruction: InstructionArgument, *, rehearsing: Rehearsing) -> None:
    """Take back (with --confirm) what it filled: sell what it bought, buy back what it sold."""
    _follow_up(instruction, "reverse", rehearsing)


@app.command("repeat")
@expanded
def repeat(instruction: InstructionArgument, *, rehearsing: Rehearsing) -> None:
    """Ask for the same once more (with --confirm), planned for the books as they are now."""
    _follow_up(instruction, "repeat", rehearsing)


def _follow_up(instruction: str, how: FollowUp, rehearsing: Rehearsing) -> None:
    if rehearsing.confirm:
        follow(instruction, how, rehearsing)
    else:
        rehearse_follow_up(instruction, how, rehearsing)
