"""Approving and declining what waits for another person's word."""

from typing import TYPE_CHECKING, Literal, TypeAlias

import typer

from phalanx.cli.exit_codes import Exit, exit_of_answer, exit_of_progress
from phalanx.cli.input.names import at
from phalanx.cli.instructing.draft import INSTRUCTIONS
from phalanx.cli.instructing.outcomes import headline, show_outcomes
from phalanx.cli.instructing.waiting import say_progress, wait_until_ended
from phalanx.cli.remote.answers import Decided
from phalanx.cli.remote.documents import decode, decode_as

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.option_sets import Deciding

Decision: TypeAlias = Literal["approve", "decline"]


def decide(
    instruction: str, how: Decision, deciding: "Deciding", wait_s: float | None = None
) -> None:
    """Decide, and show what came of it; ``wait_s``: wait so long until it is over. Raises Failure,
    typer.Exit.
    """
    screen = deciding.screen()
    with deciding.connect() as there:
        body: dict[str, object] | None = {"note": deciding.note} if deciding.note else None
        path = at(INSTRUCTIONS, instruction, how)
        content = there.change("POST", path, key=deciding.key, body=body)
        decided = decode_as(content, Decided)
        code = _exit_of(decided)
        if screen.as_json:
            screen.document(decode(content))
        else:
            _say(screen, decided, content)
        if wait_s is not None and code is not Exit.REFUSED:
            ended = wait_until_ended(there, screen, instruction, wait_s)
            say_progress(screen, ended)
            code = exit_of_progress(code, ended.progress)
    if code is not Exit.OK:
        raise typer.Exit(code)


def _exit_of(decided: Decided) -> Exit:
    """5 where it was approved and nothing came of it."""
    if decided.decision == "declined":
        return Exit.OK
    if decided.planned is not None:
        return exit_of_answer(decided.planned)
    return Exit.REFUSED if decided.status == "REJECTED" else Exit.OK


def _say(screen: "Screen", decided: Decided, content: bytes) -> None:
    planned = decided.planned
    head = f"{decided.instruction_id}: {decided.decision}"
    if planned is not None:
        screen.say(f"{head}, {headline(planned)}")
        document = decode(content)
        told = document.get("planned") if isinstance(document, dict) else None
        rows = told.get("outcomes") if isinstance(told, dict) else None
        show_outcomes(screen, planned, rows if isinstance(rows, list) else [])
    elif decided.decision == "approved" and decided.status == "HELD":
        screen.say(f"{head}, held until its time")
    else:
        screen.say(head)
    if decided.decision == "approved" and decided.message:
        screen.note(f"refused: {decided.message}")
