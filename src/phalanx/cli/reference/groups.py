"""`phalanx groups`: named sets of accounts, each with a multiplier."""

from typing import Annotated

import typer

from phalanx.cli.input import completion
from phalanx.cli.option_sets import Asking, Changing, Listing, expanded
from phalanx.cli.options import OutOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(help="List groups; show, put, remove or export one.", rich_markup_mode=None)

PATH = "/api/v1/groups"
GroupArgument = Annotated[
    str, typer.Argument(help="The group's name.", autocompletion=completion.groups)
]


@app.callback(invoke_without_command=True)
@expanded
def groups(context: typer.Context, *, listing: Listing) -> None:
    """List the groups, or do something with one of them."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.listing import listed
    from phalanx.cli.display.screen import Column, Kind

    columns = (
        Column("group", "name"),
        Column("accounts", "count", Kind.NUMBER),
        Column("members", "members", Kind.WORDS),
    )
    listed(listing, PATH, columns, empty="no groups", arrange=_counted)


@app.command("show")
@expanded
def show(name: GroupArgument, *, asking: Asking) -> None:
    """Show the accounts of a group with their multipliers."""
    from phalanx.cli.input.names import at

    with asking.connect() as there:
        _show_members(asking, there.read(at(PATH, name)), name)


@app.command("put")
@expanded
def put(
    name: Annotated[str, typer.Argument(help="The group's name.")],
    members: Annotated[
        list[str],
        typer.Argument(
            help="PAPER-1, PAPER-2=1.5, client:7 or client:7=2; or a file with account or client "
            "and multiplier (- reads the standard input)."
        ),
    ],
    *,
    changing: Changing,
) -> None:
    """Make a group, or give it other members, at once."""
    from phalanx.cli.input.members import members as members_of
    from phalanx.cli.input.names import at
    from phalanx.cli.input.sheets import by_line
    from phalanx.cli.persons.asked import end_if_asked

    found, lines = members_of(members)
    body = {"members": found}
    with changing.connect() as there, by_line(lines):
        answer = there.change("PUT", at(PATH, name), key=changing.key, body=body)
    end_if_asked(changing, answer)
    _show_members(changing, answer, name)


@app.command("remove")
@expanded
def remove(name: GroupArgument, *, changing: Changing) -> None:
    """Remove a group, at once; its accounts stay."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at
    from phalanx.cli.persons.asked import end_if_asked

    with changing.connect() as there:
        answer = there.change("DELETE", at(PATH, name), key=changing.key)
    end_if_asked(changing, answer)
    shown(changing, answer, sentence=f"group {name} is removed")


@app.command("export")
@expanded
def export(*, out: OutOption = None, asking: Asking) -> None:
    """Write all groups with their members as CSV."""
    from phalanx.cli.display.exporting import export_csv

    export_csv(asking, PATH, out)


def _counted(row: dict[str, object]) -> dict[str, object]:
    members = row.get("members")
    found = members if isinstance(members, list) else []
    return {**row, "count": len(found), "members": [_word(one) for one in found]}


def _word(member: object) -> str:
    if not isinstance(member, dict):
        return str(member)
    multiplier = member.get("multiplier", "1")
    times = "" if multiplier == "1" else f"×{multiplier}"
    return f"{member.get('account')}{times}"


def _show_members(asking: Asking, answer: bytes, name: str) -> None:
    from phalanx.cli.display.screen import Column, Kind
    from phalanx.cli.remote.documents import decode, rows_at

    screen = asking.screen()
    if screen.as_json:
        screen.document(decode(answer))
        return
    columns = (
        Column("account", "account"),
        Column("client", "client"),
        Column("client id", "client_id", Kind.NUMBER),
        Column("multiplier", "multiplier", Kind.NUMBER),
    )
    screen.table(columns, rows_at(answer, "members"), empty=f"group {name} is empty")
