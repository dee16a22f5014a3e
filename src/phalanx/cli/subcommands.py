"""Commands that do something by themselves and have subcommands as well."""

import typer
from typer.core import TyperGroup

from phalanx.cli.exit_codes import Exit, Failure


def is_for_subcommand(context: typer.Context) -> bool:
    """Whether a subcommand follows, which then does all the work.

    Raises Failure USAGE for an option that stands before it: the subcommand would never see it, and
    `kill --account A lift` would lift the kill for everybody.
    """
    if context.invoked_subcommand is None:
        return False
    given = [p.opts[0] for p in context.command.params if _was_typed(context, p.name)]
    if given:
        raise Failure(Exit.USAGE, "USAGE", _correction(context, given))
    return True


def _was_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _correction(context: typer.Context, given: list[str]) -> str:
    group, subcommand = context.command, str(context.invoked_subcommand)
    assert isinstance(group, TyperGroup)
    takes = {option for own in group.commands[subcommand].params for option in own.opts}
    path = f"phalanx {group.name} {subcommand}"
    said = [
        f"{option} belongs after {subcommand}: {path} ... {option}"
        if option in takes
        else f"{option} belongs to phalanx {group.name} alone, {path} has no such option"
        for option in given
    ]
    return "; ".join(said)
