"""What was asked for and not done, because it waits for another person."""

from typing import TYPE_CHECKING

import typer

from phalanx.cli.exit_codes import Exit
from phalanx.cli.remote.documents import decode

if TYPE_CHECKING:
    from phalanx.cli.option_sets import Asking


def end_if_asked(asking: "Asking", answer: bytes) -> None:
    """Say so and end with 3, where the server answers with a change that waits. Else nothing happens."""
    document = decode(answer) if answer else None
    if not isinstance(document, dict) or document.get("status") != "WAITING":
        return
    change = document.get("change")
    if change is None:
        return
    screen = asking.screen()
    if screen.as_json:
        screen.document(document)
    else:
        details = document.get("details")
        for line in details if isinstance(details, list) else ():
            screen.say(str(line))
        until = document.get("expires_at")
        screen.say(f"asked: waits for another person until {until}, change {change}")
        screen.note(f"another person approves it: phalanx changes approve {change}")
    raise typer.Exit(Exit.PARTIAL)
