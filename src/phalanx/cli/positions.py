"""`phalanx positions`: what every account holds."""

from phalanx.cli.options import (
    DEFAULT_TIMEOUT_S,
    LIMIT_MAX,
    AccountOption,
    ClientOption,
    InstrumentOption,
    JsonOption,
    LongLimitOption,
    ServerOption,
    SkipOption,
    TimeoutOption,
)


def positions(
    *,
    account: AccountOption = None,
    client: ClientOption = None,
    instrument: InstrumentOption = None,
    limit: LongLimitOption = LIMIT_MAX,
    skip: SkipOption = 0,
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """List the positions.

    Net quantity per account, instrument and product.
    """
    from phalanx.cli.client import connect
    from phalanx.cli.columns import POSITIONS
    from phalanx.cli.listing import show_list
    from phalanx.cli.screen import Screen

    screen = Screen(as_json=as_json)
    chosen = {"account": account, "client": client, "instrument": instrument}
    page = {"limit": limit, "skip": skip}
    with connect(server, timeout_s) as there:
        path = "/api/v1/positions"
        show_list(there, screen, path, {**chosen, **page}, POSITIONS, empty="no positions")
