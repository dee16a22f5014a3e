"""`phalanx open-buys`: the buys that are not sold yet."""

from phalanx.cli.option_sets import PagedListing, expanded
from phalanx.cli.options import AccountOption, ClientOption, InstrumentOption


@expanded
def open_buys(
    *,
    account: AccountOption = None,
    client: ClientOption = None,
    instrument: InstrumentOption = None,
    listing: PagedListing,
) -> None:
    """List the open buys.

    Bought or being bought, and no SELL is closing them.
    """
    from phalanx.cli.display.columns import OPEN_BUYS
    from phalanx.cli.display.listing import listed

    chosen = {"account": account, "client": client, "instrument": instrument}
    listed(listing, "/api/v1/open-buys", OPEN_BUYS, empty="no open buys", parameters=chosen)
