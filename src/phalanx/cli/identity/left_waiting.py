"""What somebody who is let in no more has left waiting, told to whoever shut them out."""

from phalanx.cli.display.screen import Screen
from phalanx.cli.remote.documents import decode


def tell_left_waiting(screen: Screen, answer: bytes) -> None:
    """The instructions that still wait and how to cancel them, on stderr; JSON has them in its document."""
    document = decode(answer)
    if screen.as_json or not isinstance(document, dict):
        return
    held, total = document.get("held"), document.get("held_total")
    if not isinstance(held, list) or not held:
        return
    screen.note(
        f"{total} of their instructions still wait, for their time or for approval, and go on unless "
        "they are cancelled:"
    )
    for one in held:
        screen.note(f"  phalanx instructions cancel {one}")
    if isinstance(total, int) and total > len(held):
        screen.note(f"{len(held)} of {total} shown; phalanx instructions --status held")
