"""What the options of the way to a server do; each stands before the command or behind it."""

from pathlib import Path
from typing import Any, Final

import typer

TYPED: Final = "COMMANDLINE"


def connection(context: typer.Context, param: typer.CallbackParam, value: str | None) -> str | None:
    """The connection's name: behind the command > before it > the environment."""
    root: Any = context.find_root()
    if root is context or _is_typed(context, param) or not _is_typed(root, "connection"):
        return value
    name: str | None = root.params["connection"]
    return name


def ca(context: typer.Context, param: typer.CallbackParam, value: Path | None) -> Path | None:
    """Have this authority count for the command; the order is that of ``connection``."""
    from phalanx.cli.remote import trust

    if context.parent is None or _is_typed(context, param):
        trust.choose(value)
    return value


def insecure(context: typer.Context, param: typer.CallbackParam, value: bool) -> bool:
    """Allow plain http to another machine, for the command."""
    from phalanx.cli.remote import trust

    if context.parent is None or _is_typed(context, param):
        trust.allow_plain(value)
    return value


def _is_typed(context: typer.Context, param: typer.CallbackParam | str) -> bool:
    name = param if isinstance(param, str) else str(param.name)
    source = context.get_parameter_source(name)
    return source is not None and source.name == TYPED
