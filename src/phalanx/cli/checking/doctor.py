"""`phalanx doctor`: does this machine have what a server needs."""

from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.option_sets import Reaching, expanded
from phalanx.cli.options import DataOption, JsonOption


@expanded
def doctor(
    *,
    data: DataOption = None,
    port: int | None = typer.Option(
        None, "--port", min=1, max=65_535, help="The port to be used. [default: 8080]"
    ),
    accounts: Annotated[
        bool,
        typer.Option("--accounts", help="The server's accounts instead: are they ready to trade?"),
    ] = False,
    read: Annotated[
        bool, typer.Option("--read", help="Have the brokers' books read first; with --accounts.")
    ] = False,
    as_json: JsonOption = False,
    reaching: Reaching,
) -> None:
    """Check this machine.

    Python, packages, data folder, disk, clock, lock, port and server, and of one that is there the books.
    With --accounts: what keeps each account of the server from trading, and what to do about it. Ends with 3
    when there is anything.
    """
    if accounts:
        from phalanx.cli.checking.readiness import show_accounts

        show_accounts(reaching, read=read, as_json=as_json)
        return
    if read:
        raise Failure(Exit.USAGE, "USAGE", "--read is of accounts: say --accounts as well")
    from phalanx.cli.checking.checkup import SERVER_TIMEOUT_S, Verdict, examine
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.process_settings import load_settings
    from phalanx.cli.remote.connecting import connect

    settings = load_settings(data=data, port=port)
    there = connect(reaching.server, SERVER_TIMEOUT_S, reaching.connection)
    findings = examine(settings.data, settings.host, settings.port, there)
    failed = any(finding.verdict is Verdict.FAIL for finding in findings)
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document({"ok": not failed, "checks": findings})
    else:
        for finding in findings:
            screen.say(f"{finding.verdict.value:4}  {finding.name:12}  {finding.detail}")
    if failed:
        raise typer.Exit(Exit.FAILURE)
