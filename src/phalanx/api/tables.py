"""Tables as CSV (RFC 4180): the one writer of every export, and what a refused file is told."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Literal, TypeAlias

import msgspec

from phalanx.api.exchange import NO_STORE, Answer, Call
from phalanx.api.problems import Problem
from phalanx.market.cells import neutralized
from phalanx.market.table import ImportFault

FormatName: TypeAlias = Literal["json", "csv"]
Cells: TypeAlias = Sequence[object]

CSV = b"text/csv; charset=utf-8"
TOTAL = b"x-total-count"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


def csv_content(columns: Sequence[str], rows: Iterable[Cells]) -> bytes:
    """A header and the rows, each line ended by CR LF. None is an empty cell, a flag true or false."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(map(_cell, row) for row in rows)
    return file.getvalue().encode()


def csv_answer(
    name: str, columns: Sequence[str], rows: Iterable[Cells], total: int | None = None
) -> Answer:
    """The table as the file ``name``.csv; ``total`` says how many rows there are beyond this page."""
    disposition = f'attachment; filename="{_UNSAFE.sub("_", name)}.csv"'
    headers = [NO_STORE, (b"content-disposition", disposition.encode("ascii"))]
    if total is not None:
        headers.append((TOTAL, b"%d" % total))
    return Answer(200, csv_content(columns, rows), tuple(headers), CSV)


async def csv_as_of(
    call: Call, name: str, columns: Sequence[str], rows: Iterable[Cells], total: int | None = None
) -> Answer:
    """As ``csv_answer``, of rows read from the state now, once everything they tell of is durable."""
    desk = call.desk
    seq = desk.state.seq
    answer = csv_answer(name, columns, rows, total)
    await desk.durable(seq)
    return answer


def struct_rows(columns: Sequence[str], items: Iterable[msgspec.Struct]) -> Iterator[Cells]:
    """The fields of that name, item by item."""
    for item in items:
        yield [getattr(item, column) for column in columns]


def file_problem(fault: ImportFault) -> Problem:
    """What is wrong with a file, as a door says it."""
    return Problem(
        fault.code.value, str(fault), field=fault.column or None, line=fault.line or None
    )


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return neutralized(value)
        case msgspec.Raw():
            return neutralized(bytes(value).decode())
        case _:
            raise TypeError(f"no cell for {type(value).__name__}")
