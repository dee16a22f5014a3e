"""`phalanx limits`: bounds for everybody, a group, a client, an account, a strategy."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.option_sets import Asking, Changing, Importing, Listing, expanded
from phalanx.cli.options import OutOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(help="List limits; put a file of them, set or remove one.", rich_markup_mode=None)

PATH = "/api/v1/limits"
DIGITS_MAX = 9
NONE = "none"
"""What takes a bound away again."""


class Level(StrEnum):
    """Whose limit it is."""

    GLOBAL = "global"
    GROUP = "group"
    CLIENT = "client"
    ACCOUNT = "account"
    STRATEGY = "strategy"


LevelArgument: TypeAlias = Annotated[
    Level, typer.Argument(help="Whose limit it is.", case_sensitive=False)
]
NameArgument: TypeAlias = Annotated[
    str | None, typer.Argument(help="Which one (a client by its number); none for global.")
]


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What may be bounded; ``none`` takes a bound away."""

    quantity_max: Annotated[
        str | None, typer.Option("--quantity-max", help="Units in one order, or none.")
    ] = None
    value_max: Annotated[
        str | None, typer.Option("--value-max", help="Money in one order, or none.")
    ] = None
    position_max: Annotated[
        str | None, typer.Option("--position-max", help="Units held of one instrument, or none.")
    ] = None
    orders_per_day_max: Annotated[
        str | None, typer.Option("--orders-per-day-max", help="Orders of one account, or none.")
    ] = None
    restricted: Annotated[
        list[str] | None,
        typer.Option("--restrict", help="No new risk in this instrument; repeat it, or none."),
    ] = None

    def said(self) -> dict[str, object]:
        """The bounds that were said; None for one that goes. Raises Failure USAGE."""
        from phalanx.cli.input.numbers import typed_amount

        found: dict[str, object] = {}
        for name in ("quantity_max", "value_max", "position_max"):
            text = getattr(self, name)
            if text is not None:
                option = f"--{name.replace('_', '-')}"
                found[name] = None if text == NONE else typed_amount(text, option)
        if self.orders_per_day_max is not None:
            found["orders_per_day_max"] = _whole_number(self.orders_per_day_max)
        if self.restricted:
            found["restricted"] = [] if self.restricted == [NONE] else self.restricted
        return found


@app.callback(invoke_without_command=True)
@expanded
def limits(context: typer.Context, *, listing: Listing) -> None:
    """List the limits, or change them. Where several hold, the tightest wins."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.columns import LIMITS
    from phalanx.cli.display.listing import listed

    listed(listing, PATH, LIMITS, empty="no limits beside those of the settings")


@app.command("put")
@expanded
def put(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: level, name, quantity_max, value_max, position_max, orders_per_day_max, "
            "restricted (instruments with blanks between); - reads the standard input."
        ),
    ],
    *,
    importing: Importing,
) -> None:
    """Put the limits of a file, all or none, at once; those it does not name stay."""
    from phalanx.cli.display.importing import import_file

    import_file(importing, "PUT", PATH, file)


@app.command("set")
@expanded
def change(
    level: LevelArgument,
    name: NameArgument = None,
    *,
    bounds: Bounds,
    changing: Changing,
) -> None:
    """Change one limit, at once; bounds of it that are not said stay as they are."""
    from phalanx.cli.display.columns import LIMITS
    from phalanx.cli.display.listing import shown
    from phalanx.cli.persons.asked import end_if_asked

    _check_name(level, name)
    said = bounds.said()
    if not said:
        raise Failure(Exit.USAGE, "NOTHING_TO_CHANGE", "say a bound; --help lists them")
    with changing.connect() as there:
        row = {**_standing(there.read(PATH), level, name), **said}
        answer = there.change("PUT", PATH, key=changing.key, body=[row])
    end_if_asked(changing, answer)
    shown(changing, answer, columns=LIMITS)


@app.command("remove")
@expanded
def remove(level: LevelArgument, name: NameArgument = None, *, changing: Changing) -> None:
    """Remove a limit, at once."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at
    from phalanx.cli.persons.asked import end_if_asked

    _check_name(level, name)
    path = at(PATH, level.value) if name is None else at(PATH, level.value, name)
    with changing.connect() as there:
        answer = there.change("DELETE", path, key=changing.key)
    end_if_asked(changing, answer)
    shown(changing, answer, sentence=f"the limit of {name or 'everybody'} is removed")


@app.command("export")
@expanded
def export(*, out: OutOption = None, asking: Asking) -> None:
    """Write all limits as CSV, fit to be put again."""
    from phalanx.cli.display.exporting import export_csv

    export_csv(asking, PATH, out)


def _standing(answer: bytes, level: Level, name: str | None) -> dict[str, object]:
    """The limit as it stands, as a PUT takes it; a new one when there is none."""
    from phalanx.cli.remote.documents import rows_of

    fields = ("quantity_max", "value_max", "position_max", "orders_per_day_max", "restricted")
    wanted = (level.value, name or "")
    for row in rows_of(answer):
        if (row.get("level"), row.get("name") or "") == wanted:
            kept = {field: row[field] for field in fields if row.get(field) is not None}
            return {"level": level.value, "name": name or "", **kept}
    return {"level": level.value, "name": name or ""}


def _check_name(level: Level, name: str | None) -> None:
    if (level is Level.GLOBAL) != (name is None):
        detail = "a global limit has no name" if name else f"say which {level.value}"
        raise Failure(Exit.USAGE, "USAGE", detail)


def _whole_number(text: str) -> int | None:
    if text == NONE:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        detail = f"--orders-per-day-max: {text[:64]!r} is not a number of orders"
        raise Failure(Exit.USAGE, "INVALID_NUMBER", detail)
    return int(text)
