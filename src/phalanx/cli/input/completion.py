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


def users(context: typer.Context, incomplete: str) -> list[str]:
    """Users that begin so."""
    return _beginning(context, "/api/v1/users", "name", incomplete)


def keys(context: typer.Context, incomplete: str) -> list[str]:
    """Machine keys whose ids begin so."""
    return _beginning(context, "/api/v1/keys", "id", incomplete)


def sessions(context: typer.Context, incomplete: str) -> list[str]:
    """Our own sessions whose ids begin so."""
    return _beginning(context, "/api/v1/sessions", "session", incomplete)


def connections(incomplete: str) -> list[str]:
    """Connections that begin so; no server is asked."""
    from phalanx.cli.exit_codes import Failure
    from phalanx.cli.remote.connections import read_book
    from phalanx.cli.remote.folder import home

    try:
        known = read_book(home()).connections
    except Failure:
        return []
    return sorted(name for name in known if name.startswith(incomplete))[:NAMES_MAX]


def breaks(context: typer.Context, incomplete: str) -> list[str]:
    """Open breaks whose ids begin so."""
    return _beginning(context, "/api/v1/breaks", "id", incomplete)


def changes(context: typer.Context, incomplete: str) -> list[str]:
    """Changes that wait whose ids begin so."""
    return _beginning(context, "/api/v1/changes", "change", incomplete)


def _beginning(context: typer.Context, path: str, field: str, incomplete: str) -> list[str]:
    return [name for name in _names(context, path, field) if name.startswith(incomplete)][
        :NAMES_MAX
    ]


def _names(context: typer.Context, path: str, field: str) -> Iterator[str]:
    """Nothing when there is no server, or one that says something else: a shell wants no remarks."""
    from phalanx.cli.exit_codes import Failure
    from phalanx.cli.remote import connecting
    from phalanx.cli.remote.documents import rows_of

    params: dict[str, Any] = context.params
    try:
        # A refresh takes longer than a shell waits, and one that is broken off would end the session.
        asked = params.get("server"), TIMEOUT_S, params.get("connection")
        with connecting.connect(*asked, renews=False) as there:
            rows = rows_of(there.read(path))
    except Failure:
        return
    yield from (name for row in rows if isinstance(name := row.get(field), str))
