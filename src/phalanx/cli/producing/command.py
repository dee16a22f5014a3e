"""`phalanx produce`: random orders, one a second unless told otherwise."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.option_sets import Asking, expanded

if TYPE_CHECKING:
    from phalanx.cli.remote.client import Server

CONCURRENCY_MAX = 1_024


@expanded
def produce(
    *,
    interval_s: Annotated[
        float,
        typer.Option("--interval", min=0, max=86_400, help="Seconds between two; 0: no pause."),
    ] = 1.0,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="Stop after so many. [default: never]")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="The same seed, the same orders.")
    ] = None,
    profiles: Annotated[
        Path | None,
        typer.Option("--profiles", help="Take the names from this file, not from the server."),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option("--concurrency", min=1, max=CONCURRENCY_MAX, help="Requests at a time."),
    ] = 1,
    asking: Asking,
) -> None:
    """Post random orders until Ctrl-C.

    Refuses to begin while an account is live.
    """
    import asyncio

    from phalanx.cli.producing.production import Pace, Production
    from phalanx.cli.producing.random_orders import RandomOrders

    with asking.connect() as there:
        refuse_while_live(there)
        names = _names_in(profiles) if profiles is not None else _names_of(there)
        url, identity = there.url, there.identity
    if not any(names.values()):
        detail = "there is no strategy with an instrument; import profiles first"
        raise Failure(Exit.FAILURE, "NO_STRATEGIES", detail)
    orders, pace = RandomOrders(names, seed), Pace(interval_s, count)
    screen = asking.screen()
    production = Production(url, asking.timeout_s, orders, pace, screen, identity=identity)
    code = asyncio.run(production.run(concurrency))
    if code is not Exit.OK:
        raise typer.Exit(code)


def refuse_while_live(there: "Server") -> None:
    """Raises Failure ACCOUNT_LIVE when any account trades with real money."""
    from phalanx.cli.remote.answers import AccountPage
    from phalanx.cli.remote.documents import decode_as

    seen, total = 0, 1
    while seen < total:
        page = decode_as(there.read("/api/v1/accounts", {"skip": seen}), AccountPage)
        for row in page.items:
            if row.mode != "PAPER":
                detail = f"random orders are for paper only, and {row.account} is live"
                raise Failure(Exit.NOT_ALLOWED, "ACCOUNT_LIVE", detail)
        if not page.items:
            return
        seen, total = seen + len(page.items), page.total


def _names_of(there: "Server") -> dict[str, list[str]]:
    from phalanx.cli.remote.answers import StrategyRow
    from phalanx.cli.remote.documents import decode_rows

    rows = decode_rows(there.read("/api/v1/strategies"), StrategyRow)
    return {row.strategy: list(row.instruments) for row in rows if row.enabled}


def _names_in(path: Path) -> dict[str, list[str]]:
    """The strategies of a profiles file with all instruments that anybody trades under them."""
    from phalanx.cli.profiles.file import read_profile_file

    names: dict[str, list[str]] = {}
    for strategies in read_profile_file(path).values():
        for strategy, instruments in strategies.items():
            known = names.setdefault(strategy, [])
            known += [name for name in instruments if name not in known]
    return names
