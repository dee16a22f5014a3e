"""What a broker's daily master changes, and which of its rows were not as they should be."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from phalanx.cli.display.importing import FILE_BYTES_MAX
from phalanx.cli.display.reports import Report, tell_instruments
from phalanx.cli.display.screen import Column, Kind, Screen
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.files import read_bounded
from phalanx.cli.remote.documents import decode

if TYPE_CHECKING:
    from phalanx.cli.option_sets import Comparing

PATH = "/api/v1/instruments/diff"
FLAWS_SHOWN = 20
_FLAWS = (
    Column("line", "line", Kind.NUMBER),
    Column("code", "code"),
    Column("column", "column"),
    Column("detail", "detail"),
    Column("left out", "is_left_out"),
)


def tell_master(screen: Screen, report: Report) -> None:
    """How much changed and the first of it, then the rows that were left out or taken with a remark."""
    flaws, rows = report.get("flaws"), report.get("rows")
    kept = {name: value for name, value in report.items() if name not in {"flaws", "rows"}}
    tell_instruments(screen, kept)
    if not isinstance(flaws, Mapping) or not isinstance(rows, list) or not flaws:
        return
    screen.say()
    screen.say("rows: " + ", ".join(f"{count:,} {code}" for code, count in flaws.items()))
    screen.table(_FLAWS, rows[:FLAWS_SHOWN], empty="")


def compare_file(
    comparing: "Comparing", file: Path, parameters: dict[str, str], *, as_csv: bool
) -> None:
    """Send a master to be compared, and show the answer. Raises Failure."""
    screen = comparing.screen()
    if as_csv and screen.as_json:
        raise Failure(Exit.USAGE, "EITHER_OR", "say --json or --csv, not both")
    chosen = {**parameters, "format": "csv"} if as_csv else parameters
    content = read_bounded(file, FILE_BYTES_MAX)
    with comparing.connect() as there:
        answer = there.ask(PATH, parameters=chosen, content=content, content_type="text/csv")
    if as_csv:
        screen.raw(answer.decode())
        return
    report = decode(answer)
    if screen.as_json or not isinstance(report, dict):
        screen.document(report)
    else:
        tell_master(screen, report)
