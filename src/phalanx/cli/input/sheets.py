"""Files of names: a CSV with a head, or a name on each line; what is wrong with one is said by its line."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.files import read_bounded

SHEET_BYTES_MAX = 8 * 1024 * 1024
_PLACE = re.compile(r"\w+\[([0-9]{1,9})\]")


class Line(NamedTuple):
    """The cells of a line that is not empty, and its number."""

    number: int
    cells: list[str]


class Sheet(NamedTuple):
    """A file's lines under its head: the titles in small letters, or nothing where it has no head."""

    head: list[str]
    lines: list[Line]


class Named(NamedTuple):
    """A name in a file, and the line it stands on."""

    line: int
    name: str


def read_sheet(path: Path, titles: Sequence[str]) -> Sheet:
    """A file whose first line is a head if it has one of ``titles`` in it.

    Cells come as an export wrote them before it made formulas harmless. Raises Failure EMPTY_FILE
    when there is nothing in it, or nothing under its head, FILE_NOT_READABLE, FILE_TOO_LARGE,
    NOT_UTF8, BAD_FILE.
    """
    lines = [line for line in _lines(path) if any(line.cells)]
    head = [cell.casefold() for cell in lines[0].cells] if lines else []
    sheet = Sheet(head, lines[1:]) if set(titles) & set(head) else Sheet([], lines)
    if not sheet.lines:
        raise Failure(Exit.FAILURE, "EMPTY_FILE", f"{path} has no names in it")
    return sheet


def names_in(path: Path, *titles: str) -> list[Named]:
    """The names in a file: the column with one of these titles, or, without a head, the first one.

    Where there is a column ``rank`` too, it says the order. Raises Failure EMPTY_FIELD, BAD_RANK, and
    as ``read_sheet`` does.
    """
    from phalanx.market.ranks import RANK, Ranked, in_rank_order
    from phalanx.market.table import ImportFault

    head, lines = read_sheet(path, titles)
    place = next((head.index(title) for title in titles if title in head), 0)
    found = [Named(line.number, _cell(line, place)) for line in lines]
    for number, name in found:
        if not name:
            raise Failure(Exit.FAILURE, "EMPTY_FIELD", f"{path} has no name there", line=number)
    if RANK not in head:
        return found
    at = head.index(RANK)
    try:
        return in_rank_order(found, [Ranked(line.number, _cell(line, at)) for line in lines])
    except ImportFault as fault:
        raise Failure(
            Exit.FAILURE, fault.code, f"{path}, {fault}", line=fault.line, field=fault.column
        ) from None


@contextmanager
def at_line(number: int) -> Iterator[None]:
    """What is wrong in here is wrong with that line of a file."""
    try:
        yield
    except Failure as failure:
        raise _moved(failure, number) from None


@contextmanager
def by_line(lines: Sequence[int]) -> Iterator[None]:
    """What the server says of a place in a list is said of the line that it comes from."""
    try:
        yield
    except Failure as failure:
        place = _PLACE.match(str(failure.facts.get("field")))
        if place is None or int(place[1]) >= len(lines):
            raise
        raise _moved(failure, lines[int(place[1])]) from None


def _lines(path: Path) -> list[Line]:
    from phalanx.market.cells import restored

    content = read_bounded(path, SHEET_BYTES_MAX)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Failure(Exit.FAILURE, "NOT_UTF8", f"{path} is not UTF-8") from None
    reader = csv.reader(StringIO(text, newline=None), strict=True)
    try:
        return [
            Line(reader.line_num, [restored(cell.strip()) for cell in cells]) for cells in reader
        ]
    except csv.Error as error:
        detail = f"{path}: {error}"
        raise Failure(Exit.FAILURE, "BAD_FILE", detail, line=reader.line_num) from None


def _moved(failure: Failure, line: int) -> Failure:
    facts = {**failure.facts, "line": line}
    return Failure(failure.exit_code, failure.code, failure.detail, **facts)


def _cell(line: Line, place: int) -> str:
    return line.cells[place] if place < len(line.cells) else ""
