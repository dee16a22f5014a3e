"""Names that a shell completes: asked of the server, quickly or not at all."""

from collections.abc import Iterator
from typing import Any

import typer

TIMEOUT_S = 0.5
NAMES_MAX = 200


def lists(context: typer.Context, incomplete: str) -> list[str]:
    """Priority lists that begin so."""
    return _beginning(context, "/api/v1/priority-lists", "name", incomplete)


def groups(context: typer.Context, incomplete: str) -> list[str]:
    """Groups that begin so."""
    return _beginning(context, "/api/v1/groups", "name", incomplete)


def strategies(context: typer.Context, incomplete: str) -> list[str]:
    """Strategies that begin so."""
    return _beginning(context, "/api/v1/strategies", "strategy", incomplete)


def accounts(context: typer.Context, incomplete: str) -> list[str]:
    """Accounts that begin so."""
    return _beginning(context, "/api/v1/accounts", "account", incomplete)


def breaks(context: typer.Context, incomplete: str) -> list[str]:
    """Open breaks whose ids begin so."""
    return _beginning(context, "/api/v1/breaks", "id", incomplete)


def _beginning(context: typer.Context, path: str, field: str, incomplete: str) -> list[str]:
    return [name for name in _names(context, path, field) if name.startswith(incomplete)][
        :NAMES_MAX
    ]


def _names(context: typer.Context, path: str, field: str) -> Iterator[str]:
    """Nothing when there is no server, or one that says something else: a shell wants no remarks."""
    from phalanx.cli.exit_codes import Failure
    from phalanx.cli.remote import client
    from phalanx.cli.remote.documents import rows_of

    params: dict[str, Any] = context.params
    try:
        with client.connect(params.get("server"), TIMEOUT_S) as there:
            rows = rows_of(there.read(path))
    except Failure:
        return
    yield from (name for row in rows if isinstance(name := row.get(field), str))
