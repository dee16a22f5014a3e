"""`phalanx clients`: the people and firms we act for."""

from typing import Annotated

import typer

from phalanx.cli.options import (
    DEFAULT_TIMEOUT_S,
    LIMIT_MAX,
    JsonOption,
    LongLimitOption,
    ServerOption,
    SkipOption,
    TimeoutOption,
)


def clients(
    client: Annotated[int | None, typer.Argument(help="Only this one, by its number.")] = None,
    *,
    limit: LongLimitOption = LIMIT_MAX,
    skip: SkipOption = 0,
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """List the clients with their cash and margin."""
    from phalanx.cli.client import connect
    from phalanx.cli.listing import show_list
    from phalanx.cli.screen import Column, Kind, Screen

    columns = (
        Column("id", "id", Kind.NUMBER),
        Column("name", "name"),
        Column("active", "is_active"),
        Column("available", "available_funds", Kind.AMOUNT),
        Column("used", "margin_used", Kind.AMOUNT),
        Column("P&L", "total_pnl", Kind.AMOUNT),
        Column("created", "created_at", Kind.TIME),
    )
    screen = Screen(as_json=as_json)
    path, page = "/api/v1/clients", {"limit": limit, "skip": skip}
    if client is not None:
        path, page = f"{path}/{client}", {}
    with connect(server, timeout_s) as there:
        show_list(there, screen, path, page, columns, empty="no clients")
