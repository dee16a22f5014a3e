"""`phalanx settings`: the journaled settings that decide about orders."""

from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.option_sets import Asking, Changing, expanded
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(help="Show the deciding settings; change some.", rich_markup_mode=None)

PATH = "/api/v1/settings"
DIGITS_MAX = 15


@app.callback(invoke_without_command=True)
@expanded
def settings(context: typer.Context, *, asking: Asking) -> None:
    """Show the settings that decide about orders, or change them."""
    if is_for_subcommand(context):
        return
    show_settings(asking)


@app.command("show")
@expanded
def show(*, asking: Asking) -> None:
    """Show them."""
    show_settings(asking)


@app.command("set")
@expanded
def change(
    words: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="Such as value_max=500000.")
    ],
    *,
    changing: Changing,
) -> None:
    """Change settings, all or none, at once."""
    from phalanx.cli.input.names import pairs
    from phalanx.cli.persons.asked import end_if_asked
    from phalanx.cli.remote.documents import decode

    with changing.connect() as there:
        known = decode(there.read(PATH))
        names = known if isinstance(known, dict) else {}
        body = {name: _value(names, name, text) for name, text in pairs(words)}
        answer = there.change("PATCH", PATH, key=changing.key, body=body)
    end_if_asked(changing, answer)
    _show(changing, answer)


def show_settings(asking: Asking) -> None:
    """Every setting in force. Raises Failure."""
    with asking.connect() as there:
        _show(asking, there.read(PATH))


def _show(asking: Asking, answer: bytes) -> None:
    """By the names that ``set`` takes."""
    from phalanx.cli.display.screen import Column, Kind
    from phalanx.cli.remote.documents import decode

    screen, found = asking.screen(), decode(answer)
    if screen.as_json or not isinstance(found, dict):
        screen.document(found)
        return
    rows = [{"setting": name, "value": value} for name, value in found.items()]
    screen.table(
        (Column("setting", "setting"), Column("value", "value", Kind.AMOUNT)), rows, empty=""
    )


def _value(known: dict[str, object], name: str, text: str) -> object:
    """As the server has it: on or off, a plain integer, or a text where it writes money and quantities so."""
    if name not in known:
        detail = f"no setting is named {name}; there are {', '.join(sorted(known))}"
        raise Failure(Exit.USAGE, "USAGE", detail)
    if isinstance(known[name], bool):
        return _switch(name, text)
    if not isinstance(known[name], int):
        return text
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX):
        raise Failure(Exit.USAGE, "INVALID_NUMBER", f"{name} takes a whole number")
    return int(text)


def _switch(name: str, text: str) -> bool:
    words = {"on": True, "true": True, "off": False, "false": False}
    if text.lower() not in words:
        raise Failure(Exit.USAGE, "INVALID_VALUE", f"{name} is on or off")
    return words[text.lower()]
