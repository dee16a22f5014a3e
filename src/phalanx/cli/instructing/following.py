"""Instructions that follow another one: what they would do, as far as that is known, and doing it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

import typer

from phalanx.cli.exit_codes import Exit
from phalanx.cli.option_sets import Rehearsing, Sending

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen

FollowUp: TypeAlias = Literal["cancel", "retry", "reverse", "repeat"]
Row: TypeAlias = Mapping[str, object]

_OPPOSITE = {"BUY": "SELL", "SELL": "BUY"}
_SENTENCES: dict[str, str] = {
    "retry": "would send these orders again, which no broker took",
    "reverse": "would take back what these orders filled",
    "repeat": "would ask for this once more, planned for the books as they are then",
}


def follow(instruction: str, how: FollowUp, sending: Sending) -> None:
    """Send the follow-up and show its answer. Raises Failure, typer.Exit."""
    from phalanx.cli.input.names import at
    from phalanx.cli.instructing.draft import INSTRUCTIONS
    from phalanx.cli.instructing.firing import finish

    with sending.connect() as there:
        path = at(INSTRUCTIONS, instruction, how)
        body = sending.remarks() or None
        content = there.change("POST", path, key=sending.key, body=body)
        finish(there, sending.screen(), content, sending)


def rehearse_follow_up(instruction: str, how: FollowUp, rehearsing: Rehearsing) -> None:
    """Show what it would be about. There is no preview of a follow-up: nothing is checked.

    Raises Failure, typer.Exit REFUSED when there is nothing that it could do.
    """
    from phalanx.cli.instructing.telling import asked_words
    from phalanx.cli.instructing.waiting import known

    screen = rehearsing.screen()
    with rehearsing.connect() as there:
        tree = known(there, instruction)
    rows = concerned(tree, how)
    is_idle = how != "repeat" and not rows
    if screen.as_json:
        asked = tree.get("asked")
        screen.document(
            {"sent": False, "follow_up": how, "parent": instruction, "asked": asked, "orders": rows}
        )
    else:
        screen.say(f"{instruction}: {asked_words(tree)} is {tree.get('status')}")
        if is_idle:
            screen.note(f"refused: {how} {_SENTENCES[how]}, and there are none")
        else:
            _say_concerned(screen, tree, how, rows)
    if is_idle:
        raise typer.Exit(Exit.REFUSED)


def _say_concerned(
    screen: "Screen", tree: Row, how: FollowUp, rows: list[dict[str, object]]
) -> None:
    from phalanx.cli.display.columns import ORDERS
    from phalanx.cli.instructing.outcomes import filled
    from phalanx.cli.instructing.telling import asked_words

    screen.say(f"{how} {_SENTENCES[how]}:")
    if how == "repeat":
        screen.say(f"  {asked_words(tree)}")
    else:
        screen.table(filled(ORDERS, rows), rows, empty="")
    screen.say("Nothing was sent and nothing was checked. Send it with --confirm.")


def concerned(tree: Row, how: FollowUp) -> list[dict[str, object]]:
    """The orders that a follow-up is about, as it would send them."""
    orders = tree.get("orders")
    rows = [row for row in orders if isinstance(row, dict)] if isinstance(orders, list) else []
    chosen: dict[FollowUp, Callable[[Row], dict[str, object] | None]] = {
        "retry": _again,
        "reverse": _reversed,
    }
    made = map(chosen[how], rows) if how in chosen else ()
    return [row for row in made if row is not None]


def _again(order: Row) -> dict[str, object] | None:
    """What was rejected, proved absent, or out of time before it was sent."""
    status, filled = order.get("status"), order.get("filled")
    never_taken = status in {"REJECTED", "NOT_RECEIVED"} or (
        status == "EXPIRED" and not order.get("broker_order_id")
    )
    return dict(order) if never_taken and filled in {None, "", "0"} else None


def _reversed(order: Row) -> dict[str, object] | None:
    """The other side of what was filled."""
    filled = order.get("filled")
    if filled in (None, "", "0"):
        return None
    side = _OPPOSITE.get(str(order.get("side")), "?")
    return {
        "order_id": order.get("order_id"),
        "account": order.get("account"),
        "side": side,
        "symbol": order.get("symbol"),
        "quantity": filled,
    }
