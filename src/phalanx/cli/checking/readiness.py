"""`phalanx doctor --accounts`: what keeps the server's accounts from trading, and what to do about it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import typer

from phalanx.cli.display.screen import Column, Kind, Screen
from phalanx.cli.exit_codes import Exit
from phalanx.cli.reconciling.reconcile import PATH as RECONCILE
from phalanx.cli.reconciling.reconcile import TIMEOUT_S
from phalanx.cli.remote import connecting
from phalanx.cli.remote.documents import decode, rows_of

if TYPE_CHECKING:
    from phalanx.cli.option_sets import Reaching

Row: TypeAlias = Mapping[str, object]

PATH = "/api/v1/readiness"
RED_SHOWN = 200
"""So many red lines are shown to a person; a program gets them all."""

_COLUMNS = (
    Column("account", "account"),
    Column("check", "check"),
    Column("detail", "detail", Kind.WORDS),
    Column("fix", "fix", Kind.WORDS),
)


def show_accounts(reaching: "Reaching", *, read: bool, as_json: bool) -> None:
    """Every red line with its fix; with ``read`` after a reading of the books. Raises Failure; ends with
    PARTIAL when an account is not ready.
    """
    with connecting.connect(reaching.server, TIMEOUT_S, reaching.connection) as there:
        if read:
            there.ask(RECONCILE, body={})
        answer = there.read(PATH)
    screen, accounts = Screen(as_json=as_json), rows_of(answer)
    if as_json:
        screen.document(decode(answer))
    else:
        _show(screen, accounts)
    if any(row.get("status") != "READY" for row in accounts):
        raise typer.Exit(Exit.PARTIAL)


def _show(screen: Screen, accounts: list[dict[str, object]]) -> None:
    red = [line for row in accounts for line in _red(row)]
    screen.table(_COLUMNS, red[:RED_SHOWN], empty="nothing is red")
    if len(red) > RED_SHOWN:
        screen.say(f"and {len(red) - RED_SHOWN:,} more: phalanx doctor --accounts --json")
    ready = sum(row.get("status") == "READY" for row in accounts)
    screen.say()
    screen.say(f"{ready:,} of {len(accounts):,} accounts are ready")


def _red(row: Row) -> Iterable[Row]:
    checks = row.get("checks")
    for check in checks if isinstance(checks, list) else ():
        if check.get("ok") is not True:
            yield {"account": row.get("account"), **check}
