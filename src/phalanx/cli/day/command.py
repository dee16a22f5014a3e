"""`phalanx day`: what the market takes now, whether the desk is ready for it, and the calendar."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phalanx.cli.exit_codes import Exit
from phalanx.cli.option_sets import Asking, Changing, Importing, expanded
from phalanx.cli.reconciling.reconcile import PATH as RECONCILE
from phalanx.cli.reconciling.reconcile import Reading
from phalanx.cli.subcommands import is_for_subcommand

if TYPE_CHECKING:
    from collections.abc import Callable

    from phalanx.cli.display.screen import Screen

app = typer.Typer(help="How the trading day stands; its calendar.", rich_markup_mode=None)

PATH = "/api/v1/day"


class What(StrEnum):
    """What may be put, and taken away again."""

    CALENDAR = "calendar"
    AUCTION = "auction"


_PATHS = {What.CALENDAR: "calendar", What.AUCTION: "closing-auction"}


@app.callback(invoke_without_command=True)
@expanded
def day(context: typer.Context, *, asking: Asking) -> None:
    """Show the phase of the market, the checklist, and what is open."""
    if is_for_subcommand(context):
        return
    show_status(asking)


@app.command("status")
@expanded
def status(*, asking: Asking) -> None:
    """Show them. Ends with 3 when a check is not as it should be."""
    show_status(asking)


@app.command("open")
@expanded
def open_(*, asking: Reading) -> None:
    """Have the brokers' books read, then show the day. Ends with 3 unless all match and every check is well."""
    from phalanx.cli.day.report import is_ready, show_day

    reports, found = _read(asking)
    _show(asking, reports, found, show_day)
    if not (_all_match(reports) and is_ready(found)):
        raise typer.Exit(Exit.PARTIAL)


@app.command("close")
@expanded
def close(*, asking: Reading) -> None:
    """Have the brokers' books read, then show what did not end. Ends with 3 unless all match and nothing is
    open or held.
    """
    from phalanx.cli.day.report import is_over, show_rest

    reports, found = _read(asking)
    _show(asking, reports, found, show_rest)
    if not (_all_match(reports) and is_over(found)):
        raise typer.Exit(Exit.PARTIAL)


@app.command("calendar")
@expanded
def calendar(
    *,
    year: Annotated[
        int | None, typer.Option("--year", min=1970, max=9999, help="Which; this one.")
    ] = None,
    asking: Asking,
) -> None:
    """Show the holidays and special sessions of a year, and the stocks with a closing auction."""
    from phalanx.cli.day.report import show_calendar
    from phalanx.cli.remote.documents import decode

    parameters = {} if year is None else {"year": year}
    with asking.connect() as there:
        answer = there.read(f"{PATH}/calendar", parameters)
    screen, found = asking.screen(), decode(answer)
    if screen.as_json or not isinstance(found, dict):
        screen.document(found)
    else:
        show_calendar(screen, found)


@app.command("put")
@expanded
def put(
    file: Annotated[Path, typer.Argument(help="A CSV file; - reads the standard input.")],
    *,
    importing: Importing,
) -> None:
    """Put a file's days over the published calendar, in the place of the file before."""
    from phalanx.cli.display.importing import import_file

    import_file(importing, "PUT", f"{PATH}/calendar", file)


@app.command("auction")
@expanded
def auction(
    file: Annotated[Path, typer.Argument(help="A CSV file; - reads the standard input.")],
    *,
    importing: Importing,
) -> None:
    """Name the stocks with a closing auction, in the place of those named before."""
    from phalanx.cli.display.importing import import_file

    import_file(importing, "PUT", f"{PATH}/closing-auction", file)


@app.command("remove")
@expanded
def remove(
    what: Annotated[
        What,
        typer.Argument(help="The days put over the calendar, or the stocks.", case_sensitive=False),
    ],
    *,
    changing: Changing,
) -> None:
    """Take away what was put: the published calendar, or the shipped list of stocks, is in force."""
    from phalanx.cli.display.listing import shown

    with changing.connect() as there:
        answer = there.change("DELETE", f"{PATH}/{_PATHS[what]}", key=changing.key)
    shown(changing, answer)


def show_status(asking: Asking) -> None:
    """The day as it stands. Raises Failure; ends with PARTIAL when a check is not as it should be."""
    from phalanx.cli.day.report import is_ready, show_day
    from phalanx.cli.remote.documents import decode

    with asking.connect() as there:
        answer = there.read(PATH)
    screen, found = asking.screen(), decode(answer)
    if screen.as_json or not isinstance(found, dict):
        screen.document(found)
    else:
        show_day(screen, found)
    if isinstance(found, dict) and not is_ready(found):
        raise typer.Exit(Exit.PARTIAL)


def _read(asking: Reading) -> tuple[list[dict[str, object]], dict[str, object]]:
    """The reports of a reading of every book, and the day after it. Raises Failure."""
    from phalanx.cli.remote.documents import decode_as, rows_of

    with asking.connect() as there:
        reports = rows_of(there.ask(RECONCILE, body={}))
        return reports, decode_as(there.read(PATH), dict[str, object])


def _show(
    asking: Reading,
    reports: list[dict[str, object]],
    day: dict[str, object],
    show: "Callable[[Screen, dict[str, object]], None]",
) -> None:
    from phalanx.cli.reconciling.report import show_report

    screen = asking.screen()
    if screen.as_json:
        screen.document({"reconciliation": reports, "day": day})
        return
    show_report(screen, reports)
    screen.say()
    show(screen, day)


def _all_match(reports: list[dict[str, object]]) -> bool:
    from phalanx.cli.reconciling.report import is_well

    return all(map(is_well, reports))
