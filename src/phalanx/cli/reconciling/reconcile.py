"""`phalanx reconcile`: have the brokers' books read now, and see what differs."""

from dataclasses import dataclass

import typer

from phalanx.cli.exit_codes import Exit
from phalanx.cli.option_sets import Asking, expanded
from phalanx.cli.options import AccountsOption, ClientsOption, TimeoutOption

PATH = "/api/v1/reconcile"
TIMEOUT_S = 60.0
"""The server answers within 30 s, and then the books may be many."""


@dataclass(frozen=True, kw_only=True)
class Reading(Asking):
    """A question that brokers are asked for."""

    timeout_s: TimeoutOption = TIMEOUT_S


@expanded
def reconcile(
    *, accounts: AccountsOption = None, clients: ClientsOption = None, asking: Reading
) -> None:
    """Read the brokers' books now, and compare: orders, executions, positions, cash.

    For everybody unless some are named. What the brokers know becomes ours first; what is shown is
    what is left. Ends with 0 if all books match, with 3 if anything differs, is a break, or could not
    be read.
    """
    from phalanx.cli.reconciling.report import is_well, show_report
    from phalanx.cli.remote.documents import decode, rows_of

    body = {
        name: chosen for name, chosen in (("accounts", accounts), ("clients", clients)) if chosen
    }
    with asking.connect() as there:
        answer = there.ask(PATH, body=body)
    screen, rows = asking.screen(), rows_of(answer)
    if screen.as_json:
        screen.document(decode(answer))
    else:
        show_report(screen, rows)
    if not all(map(is_well, rows)):
        raise typer.Exit(Exit.PARTIAL)
