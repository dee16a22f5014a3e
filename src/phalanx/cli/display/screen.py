"""What a person or a program reads: tables on a terminal, aligned text in a pipe, or JSON."""

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Literal, TextIO

import msgspec

from phalanx.cli.exit_codes import Failure
from phalanx.cli.remote.documents import encode

NOTHING = "-"
"""How a missing value looks in a pipe, so that columns can be told apart."""

GAP = 2
"""Blanks between two columns."""
WORDS_WIDTH = 20
"""The least a column that wraps gets on a narrow terminal."""


class Kind(Enum):
    """How a column is written: numbers stand on the right, amounts are grouped, times shortened,
    words wrapped where the terminal is narrow.
    """

    TEXT = "text"
    NUMBER = "number"
    AMOUNT = "amount"
    TIME = "time"
    WORDS = "words"


class Column(msgspec.Struct, frozen=True):
    """One column: its title, and the field of a row that it shows."""

    title: str
    field: str
    kind: Kind = Kind.TEXT

    @property
    def on_the_right(self) -> bool:
        """Whether the cells are aligned to the right."""
        return self.kind in (Kind.NUMBER, Kind.AMOUNT)


class Screen:
    """Writes results to stdout and remarks to stderr; with ``as_json``, results are JSON."""

    def __init__(
        self, *, as_json: bool = False, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self.as_json = as_json
        self._out = out or sys.stdout
        self._err = err or sys.stderr

    @property
    def on_terminal(self) -> bool:
        """Whether a person is looking: colours, grouped digits, short times."""
        return self._out.isatty()

    def document(self, value: object) -> None:
        """One JSON document, or one line of a stream of them, at once."""
        text = encode(value)
        self._write(escaped(text) if self.on_terminal else text)
        self._out.flush()

    @property
    def progress_stream(self) -> TextIO | None:
        """Where a bar may move: stderr when a person looks at it and nobody wants JSON."""
        return self._err if self._err.isatty() and not self.as_json else None

    def raw(self, text: str) -> None:
        """A file's text as it is; on a terminal without what could steer it."""
        lines = text.splitlines()
        self._write("\n".join(map(printable, lines)) if self.on_terminal else text.rstrip("\r\n"))
        self._out.flush()

    def say(self, text: str = "") -> None:
        """A line of the result."""
        self._write(printable(text))
        self._out.flush()

    def note(self, text: str) -> None:
        """A remark: to stderr, so that it never mixes with the result."""
        print(printable(text), file=self._err, flush=True)

    def table(
        self,
        columns: Sequence[Column],
        rows: Iterable[Mapping[str, object]],
        *,
        empty: str,
        title: str = "",
    ) -> None:
        """Rows as a table; ``empty`` is said when there are none."""
        cells = [[self._cell(column, row.get(column.field)) for column in columns] for row in rows]
        if title:
            self.say(title)
        if not cells:
            self.say(empty)
        elif self.on_terminal:
            self._rich_table(columns, cells)
        else:
            self._plain_table(columns, cells)

    def fields(self, document: Mapping[str, object]) -> None:
        """A document's fields, one per line; lists and objects by their size."""
        width = max((len(name) for name in document), default=0)
        for name, value in document.items():
            shown = len(value) if isinstance(value, list | dict) else value
            self.say(f"{name.replace('_', ' ').ljust(width)}  {'' if shown is None else shown}")

    def failure(self, failure: Failure) -> None:
        """An error, on stderr: a sentence, or one JSON document."""
        if self.as_json:
            print(encode(failure.document()), file=self._err, flush=True)
            return
        self.note(f"error: {_place(failure)}{failure.detail} [{failure.code}]")
        differences = failure.facts.get("differences")
        for difference in differences if isinstance(differences, list) else ():
            self.note(f"  {difference}")

    def _write(self, line: str) -> None:
        print(line, file=self._out)

    def _cell(self, column: Column, value: object) -> str:
        if value is None or value in ("", [], ()):
            return "" if self.on_terminal else NOTHING
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list | tuple):
            value = ", ".join(str(item) for item in value)
        text = printable(str(value))
        if self.on_terminal and column.kind is Kind.AMOUNT:
            return grouped(text)
        if self.on_terminal and column.kind is Kind.TIME:
            return short_time(text, datetime.now(UTC))
        return text

    def _plain_table(self, columns: Sequence[Column], cells: list[list[str]]) -> None:
        lines = [[column.title for column in columns], *cells]
        widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
        for line in lines:
            padded = [
                text.rjust(width) if column.on_the_right else text.ljust(width)
                for column, text, width in zip(columns, line, widths, strict=True)
            ]
            self._write("  ".join(padded).rstrip())

    def _rich_table(self, columns: Sequence[Column], cells: list[list[str]]) -> None:
        from rich.cells import cell_len
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(file=self._out)
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
        # A table that is too wide runs over the edge: an id that is cut in two helps nobody.
        needed = 0
        for place, column in enumerate(columns):
            wraps = column.kind is Kind.WORDS
            texts = [column.title, *(line[place] for line in cells)]
            width = WORDS_WIDTH if wraps else max(cell_len(text) for text in texts)
            needed += width + GAP
            justify: Literal["left", "right"] = "right" if column.on_the_right else "left"
            table.add_column(
                column.title, justify=justify, no_wrap=not wraps, overflow="fold", min_width=width
            )
        for line in cells:
            # Text, not str: a name like "[red]" is a name and no instruction to us.
            table.add_row(*(Text(cell) for cell in line))
        console.width = max(console.width, needed)
        console.print(table)


def _place(failure: Failure) -> str:
    """The line of a file that an error is about, where its sentence does not say it already."""
    line = failure.facts.get("line")
    if line is None or re.search(rf"\bline {line}\b", failure.detail):
        return ""
    return f"line {line}: "


def printable(text: str) -> str:
    """Text that cannot steer a terminal: control and direction characters become ``?``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("?" if _steers(character) else character for character in text)


def escaped(text: str) -> str:
    """JSON that cannot steer a terminal either: JSON has another way to write such characters."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(json.dumps(c)[1:-1] if _steers(c) else c for c in text)


def _steers(character: str) -> bool:
    # Cc: escape sequences, Cf: direction overrides, Zl and Zp: line breaks, Cs: cannot be written.
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def grouped(number: str) -> str:
    """An amount with its digits grouped the Indian way: ``5000000.5`` is ``50,00,000.5``."""
    sign = "-" if number.startswith("-") else ""
    units, point, fraction = number.removeprefix("-").partition(".")
    if not (units.isascii() and units.isdigit()):
        return number
    head, tail = units[:-3], units[-3:]
    groups = [tail]
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return sign + ",".join(groups) + point + fraction


def plain(value: Decimal) -> str:
    """A sum as the server would write it: no exponent, no zeros at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def short_time(text: str, now: datetime) -> str:
    """``2026-11-20T09:15:00.123456+05:30`` as ``09:15:00.123``, with its day when that is not today.

    Today is the day of ``now`` in the zone of the time itself. Other texts stay as they are.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    clock = time.strftime("%H:%M:%S") + f".{time.microsecond // 1_000:03d}"
    today = now.astimezone(time.tzinfo).date()
    return clock if time.date() == today else f"{time.date()} {clock}"
