"""`phalanx signal`: one strategy says BUY or SELL an instrument, for every account subscribed to it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from phalanx.cli.exits import Exit, Failure
from phalanx.cli.options import (
    DEFAULT_TIMEOUT_S,
    JsonOption,
    KeyOption,
    NoteOption,
    ServerOption,
    TimeoutOption,
)

if TYPE_CHECKING:
    from phalanx.cli.answers import Outcome, StrategyRow
    from phalanx.cli.client import Server
    from phalanx.cli.screen import Screen


class Position(StrEnum):
    """What a signal says."""

    BUY = "BUY"
    SELL = "SELL"


def signal(
    strategy: Annotated[str, typer.Argument(help="The strategy, such as STRATEGY_B.")],
    position: Annotated[Position, typer.Argument(help="BUY or SELL.", case_sensitive=False)],
    instrument: Annotated[str, typer.Argument(help="Name, 2885 or NSE:2885.")],
    *,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Send it. Without this nothing is sent.")
    ] = False,
    note: NoteOption = "",
    expires_s: Annotated[
        int | None,
        typer.Option("--expires", min=1, help="Seconds after which nothing more is sent."),
    ] = None,
    key: KeyOption = None,
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Send a signal (with --confirm).

    Without --confirm nothing is sent: it shows what would be, and what is known about it.
    """
    from phalanx.cli.client import connect
    from phalanx.cli.screen import Screen

    body: dict[str, object] = {
        "kind": "signal",
        "strategy": strategy,
        "instrument": instrument,
        "position": position.value,
    }
    if note:
        body["note"] = note
    if expires_s is not None:
        body["expires_s"] = expires_s
    screen = Screen(as_json=as_json)
    with connect(server, timeout_s) as there:
        if confirm:
            _send(there, body, key, screen)
        else:
            _rehearse(there, body, screen)


def _send(there: "Server", body: dict[str, object], key: str | None, screen: "Screen") -> None:
    from phalanx.cli.answers import Answer
    from phalanx.cli.columns import OUTCOMES
    from phalanx.cli.documents import decode, decode_as, rows_at

    content = there.change("POST", "/api/v1/instructions", key=key, body=body)
    answer = decode_as(content, Answer)
    if screen.as_json:
        screen.document(decode(content))
    else:
        accepted = sum(outcome.accepted for outcome in answer.outcomes)
        screen.say(
            f"{answer.instruction_id}: {accepted} of {len(answer.outcomes)} accounts accepted"
        )
        rows = rows_at(content, "outcomes")
        screen.table(OUTCOMES, rows, empty=answer.message or "no account is concerned")
    code = exit_code(answer.outcomes)
    if code is Exit.REFUSED and not screen.as_json:
        screen.note(f"refused: {answer.message or answer.reason or 'not valid for any account'}")
    if code is not Exit.OK:
        raise typer.Exit(code)


def exit_code(outcomes: Sequence["Outcome"]) -> Exit:
    """0 when every account accepted, 3 when some did, 5 when none did."""
    accepted = sum(outcome.accepted for outcome in outcomes)
    if not accepted:
        return Exit.REFUSED
    return Exit.OK if accepted == len(outcomes) else Exit.PARTIAL


def _rehearse(there: "Server", body: dict[str, object], screen: "Screen") -> None:
    """Show the request and what is known about it. This is no plan: nothing is checked."""
    from phalanx.cli.answers import StrategyRow
    from phalanx.cli.documents import decode_rows, rows_of

    strategy, instrument = str(body["strategy"]), str(body["instrument"])
    known = decode_rows(there.read("/api/v1/strategies"), StrategyRow)
    named = next((row for row in known if row.strategy == strategy), None)
    if named is None:
        raise Failure(Exit.REFUSED, "UNKNOWN_STRATEGY", f"no strategy is named {strategy}")
    buys = rows_of(there.read("/api/v1/open-buys", {"instrument": instrument}))
    if not screen.as_json:
        _show_rehearsal(body, named, buys, screen)
        return
    screen.document(
        {
            "sent": False,
            "request": body,
            "strategy": {
                "accounts": len(named.subscriptions),
                "enabled": named.enabled,
                "instruments": named.instruments,
            },
            "open_buys": buys,
        }
    )


def _show_rehearsal(
    body: dict[str, object],
    named: "StrategyRow",
    buys: Sequence[dict[str, object]],
    screen: "Screen",
) -> None:
    from phalanx.cli.columns import OPEN_BUYS
    from phalanx.cli.documents import encode

    instrument = body["instrument"]
    screen.say(f"would send POST /api/v1/instructions {encode(body)}")
    switched = "" if named.enabled else ", switched off"
    screen.say(
        f"{named.strategy}: {len(named.subscriptions)} accounts subscribed{switched}; "
        f"trades {', '.join(named.instruments) or 'nothing'}"
    )
    title = f"open buys of {instrument} now:" if buys else ""
    screen.table(OPEN_BUYS, buys, empty=f"no open buy of {instrument} now", title=title)
    screen.say("Nothing was sent and nothing was checked. Send it with --confirm.")
