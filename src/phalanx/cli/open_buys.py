"""`phalanx open-buys`: the buys that are not sold yet."""

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


def open_buys(
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
    """List the open buys.

    Bought or being bought, and no SELL is closing them.
    """
    from phalanx.cli.client import connect
    from phalanx.cli.columns import OPEN_BUYS
    from phalanx.cli.listing import show_list
    from phalanx.cli.screen import Screen

    screen = Screen(as_json=as_json)
    chosen = {"account": account, "client": client, "instrument": instrument}
    page = {"limit": limit, "skip": skip}
    with connect(server, timeout_s) as there:
        path = "/api/v1/open-buys"
        show_list(there, screen, path, {**chosen, **page}, OPEN_BUYS, empty="no open buys")
