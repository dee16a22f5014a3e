"""`phalanx order-log`: what happened to orders, line by line, for ever."""

from typing import Annotated

import typer

from phalanx.cli.option_sets import Listing, expanded
from phalanx.cli.options import (
    AccountOption,
    ClientOption,
    InstrumentOption,
    LimitOption,
    SkipOption,
    StrategyOption,
)


@expanded
def order_log(
    *,
    account: AccountOption = None,
    client: ClientOption = None,
    instrument: InstrumentOption = None,
    strategy: StrategyOption = None,
    since_seq: Annotated[
        int | None,
        typer.Option("--since", min=0, help="After this event, oldest first. [default: newest]"),
    ] = None,
    limit: LimitOption = 100,
    skip: SkipOption = 0,
    listing: Listing,
) -> None:
    """List what happened to orders.

    Placed, filled, canceled, replaced, doubted: every line there ever was.
    """
    from phalanx.cli.display.columns import ORDER_LOG
    from phalanx.cli.display.listing import listed

    chosen = {
        "account": account,
        "client": client,
        "instrument": instrument,
        "strategy": strategy,
        "since_seq": since_seq,
        "limit": limit,
        "skip": skip,
    }
    listed(listing, "/api/v1/order-log", ORDER_LOG, empty="nothing happened yet", parameters=chosen)
