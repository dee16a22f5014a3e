"""`phalanx strategies`: what signals may name."""

from phalanx.cli.options import (
    DEFAULT_TIMEOUT_S,
    LIMIT_MAX,
    JsonOption,
    LongLimitOption,
    ServerOption,
    SkipOption,
    TimeoutOption,
)


def strategies(
    *,
    limit: LongLimitOption = LIMIT_MAX,
    skip: SkipOption = 0,
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """List the strategies and their instruments."""
    from phalanx.cli.client import connect
    from phalanx.cli.listing import show_list
    from phalanx.cli.screen import Column, Kind, Screen

    columns = (
        Column("strategy", "strategy"),
        Column("enabled", "enabled"),
        Column("accounts", "accounts", Kind.NUMBER),
        Column("instruments", "instruments", Kind.WORDS),
    )
    page = {"limit": limit, "skip": skip}
    screen = Screen(as_json=as_json)
    with connect(server, timeout_s) as there:
        path = "/api/v1/strategies"
        show_list(there, screen, path, page, columns, empty="no strategies", arrange=_counted)


def _counted(row: dict[str, object]) -> dict[str, object]:
    subscriptions = row.get("subscriptions")
    return {**row, "accounts": len(subscriptions) if isinstance(subscriptions, list) else None}
