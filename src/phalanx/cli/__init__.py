"""The command line: `phalanx …`. One file per noun; what a command needs, it imports when it runs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer import Typer

    app: Typer

__all__ = ["app"]


def __getattr__(name: str) -> "Typer":
    """Build the command tree when somebody asks for it: the console script does, a test may not."""
    if name == "app":
        from phalanx.cli.tree import app as tree

        return tree
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
