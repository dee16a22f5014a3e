"""Strict, bounded reading of CSV files that people hand us.

A file is read whole or not at all. Nothing is trimmed, guessed or skipped except blank lines and a
byte order mark; whatever else is not exactly as described is an ImportFault that says where.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from io import BytesIO
from pathlib import Path

from phalanx.domain.names import NAME_CHARACTERS_MAX, is_printable
from phalanx.domain.numbers import Fixed, NumberError, parse_fixed

BYTES_MAX = 64 * 1024 * 1024
ROWS_MAX = 500_000
LINE_BYTES_MAX = 4_096
_SHOWN_MAX = 64


class ImportCode(StrEnum):
    """Why a file is refused. Stable: doors show it."""

    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    EMPTY_FILE = "EMPTY_FILE"
    NOT_UTF8 = "NOT_UTF8"
    EMBEDDED_NUL = "EMBEDDED_NUL"
    LINE_TOO_LONG = "LINE_TOO_LONG"
    TOO_MANY_ROWS = "TOO_MANY_ROWS"
    BAD_CSV = "BAD_CSV"
    BAD_JSON = "BAD_JSON"
    MISSING_COLUMN = "MISSING_COLUMN"
    UNKNOWN_COLUMN = "UNKNOWN_COLUMN"
    DUPLICATE_COLUMN = "DUPLICATE_COLUMN"
    WRONG_FIELD_COUNT = "WRONG_FIELD_COUNT"
    EMPTY_FIELD = "EMPTY_FIELD"
    FIELD_TOO_LONG = "FIELD_TOO_LONG"
    BAD_TEXT = "BAD_TEXT"
    BAD_NUMBER = "BAD_NUMBER"
    NOT_POSITIVE = "NOT_POSITIVE"
    BAD_BAND = "BAD_BAND"
    BAD_DATE = "BAD_DATE"
    BAD_RANGE = "BAD_RANGE"
    BAD_RANK = "BAD_RANK"
    RESERVED_EXCHANGE = "RESERVED_EXCHANGE"
    TOO_MANY_EXCHANGES = "TOO_MANY_EXCHANGES"
    DUPLICATE_KEY = "DUPLICATE_KEY"
    DUPLICATE_SYMBOL = "DUPLICATE_SYMBOL"
    MASTER_REFUSED = "MASTER_REFUSED"


class ImportFault(ValueError):
    """A file that was refused; nothing of it was used.

    ``line`` counts from 1 (0: the file as a whole), ``column`` is the column's name or empty.
    """

    def __init__(self, code: ImportCode, line: int = 0, column: str = "", detail: str = "") -> None:
        super().__init__(code, line, column, detail)
        self.code = code
        self.line = line
        self.column = column
        self.detail = detail

    def __str__(self) -> str:
        """``BAD_NUMBER, line 7, lot_size: 'x'``."""
        where = [f"line {self.line}"] if self.line else []
        where += [self.column] if self.column else []
        text = ", ".join([self.code.value, *where])
        return f"{text}: {self.detail}" if self.detail else text


def shown(text: str) -> str:
    """A caller's text as a fault may quote it: short, and without control characters."""
    return repr(text[:_SHOWN_MAX])


class Row:
    """One row's fields by column name; reading one checks it."""

    __slots__ = ("_columns", "_fields", "line")

    def __init__(self, line: int, columns: dict[str, int], fields: list[str]) -> None:
        self.line = line
        self._columns = columns
        self._fields = fields

    def fault(self, code: ImportCode, column: str, detail: str = "") -> ImportFault:
        """A fault at this row."""
        return ImportFault(code, self.line, column, detail)

    def has(self, column: str) -> bool:
        """Whether the file has that column."""
        return column in self._columns

    def given(self, column: str) -> str:
        """What stands in a column, unchecked; empty where the file or the row has nothing."""
        place = self._columns.get(column)
        return "" if place is None else self._fields[place]

    def name(self, column: str) -> str:
        """A name as any door takes it.

        Raises ImportFault EMPTY_FIELD, FIELD_TOO_LONG, or BAD_TEXT for a control character.
        """
        text = self.given(column)
        if not text.strip():
            raise self.fault(ImportCode.EMPTY_FIELD, column)
        if len(text) > NAME_CHARACTERS_MAX:
            detail = f"at most {NAME_CHARACTERS_MAX} characters"
            raise self.fault(ImportCode.FIELD_TOO_LONG, column, detail)
        if not is_printable(text):
            raise self.fault(ImportCode.BAD_TEXT, column, shown(text))
        return text

    def optional(self, column: str, pattern: re.Pattern[str], length_max: int) -> str:
        """The text of a column, empty where the file or the row has none.

        Raises ImportFault FIELD_TOO_LONG, or BAD_TEXT when ``pattern`` does not match all of it.
        """
        text = self.given(column)
        if not text:
            return text
        if len(text) > length_max:
            raise self.fault(ImportCode.FIELD_TOO_LONG, column, f"at most {length_max} characters")
        if pattern.fullmatch(text) is None:
            raise self.fault(ImportCode.BAD_TEXT, column, shown(text))
        return text

    def text(self, column: str, pattern: re.Pattern[str], length_max: int) -> str:
        """As ``optional``, and EMPTY_FIELD where there is nothing."""
        text = self.optional(column, pattern, length_max)
        if not text:
            raise self.fault(ImportCode.EMPTY_FIELD, column)
        return text

    def amount(self, column: str) -> Fixed:
        """A number that is not negative; zero where the file or the row has none.

        Raises ImportFault BAD_NUMBER (the detail says why) or NOT_POSITIVE.
        """
        text = self.given(column)
        if not text:
            return 0
        try:
            value = parse_fixed(text)
        except NumberError as error:
            raise self.fault(ImportCode.BAD_NUMBER, column, str(error)) from None
        if value < 0:
            raise self.fault(ImportCode.NOT_POSITIVE, column, shown(text))
        return value

    def positive(self, column: str) -> Fixed:
        """As ``amount``, but it must be there and above zero."""
        value = self.amount(column)
        if value == 0:
            code = ImportCode.NOT_POSITIVE if self.given(column) else ImportCode.EMPTY_FIELD
            raise self.fault(code, column)
        return value


def read_content(path: Path) -> bytes:
    """A file's bytes, at most BYTES_MAX of them.

    Raises ImportFault FILE_TOO_LARGE, or OSError.
    """
    with path.open("rb") as file:
        content = file.read(BYTES_MAX + 1)
    check_size(content)
    return content


def read_rows(
    content: bytes,
    required: Sequence[str],
    optional: Sequence[str] = (),
    *,
    rows_max: int = ROWS_MAX,
    line_bytes_max: int = LINE_BYTES_MAX,
) -> Iterator[Row]:
    """The rows under the header, one at a time; columns may stand in any order.

    Raises ImportFault, possibly after some rows: use none of them before the last one came.
    """
    check_size(content)
    _check_whole(content, rows_max)
    reader = csv.reader(_lines(content, line_bytes_max), strict=True)
    columns: dict[str, int] | None = None
    count = 0
    try:
        for fields in reader:
            if not fields:
                continue
            if columns is None:
                columns = _header(fields, required, optional, reader.line_num)
                continue
            if len(fields) != len(columns):
                detail = f"{len(fields)} fields under {len(columns)} columns"
                raise ImportFault(ImportCode.WRONG_FIELD_COUNT, reader.line_num, "", detail)
            count += 1
            yield Row(reader.line_num, columns, fields)
    except csv.Error as error:
        raise ImportFault(ImportCode.BAD_CSV, reader.line_num, "", str(error)) from None
    if not count:
        raise ImportFault(ImportCode.EMPTY_FILE, 0, "", "no rows")


def check_size(content: bytes) -> None:
    """Raise ImportFault FILE_TOO_LARGE for more than BYTES_MAX."""
    if len(content) > BYTES_MAX:
        raise ImportFault(ImportCode.FILE_TOO_LARGE, 0, "", f"more than {BYTES_MAX} bytes")


def _check_whole(content: bytes, rows_max: int) -> None:
    """What one look over the bytes tells, before memory is spent on any row."""
    # The header is a line too; the last line need not end.
    if content.count(b"\n") > rows_max + 1:
        raise ImportFault(ImportCode.TOO_MANY_ROWS, 0, "", f"more than {rows_max}")
    nul = content.find(b"\0")
    if nul >= 0:
        raise ImportFault(ImportCode.EMBEDDED_NUL, content.count(b"\n", 0, nul) + 1)


def _lines(content: bytes, line_bytes_max: int) -> Iterator[str]:
    """The lines as text, ends included; decoded one by one so that a fault knows its line."""
    for number, raw in enumerate(BytesIO(content), 1):
        if len(raw) > line_bytes_max:
            detail = f"at most {line_bytes_max} bytes"
            raise ImportFault(ImportCode.LINE_TOO_LONG, number, "", detail)
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            raise ImportFault(ImportCode.NOT_UTF8, number) from None
        yield line.removeprefix("\ufeff") if number == 1 else line


def _header(
    names: list[str], required: Sequence[str], optional: Sequence[str], line: int
) -> dict[str, int]:
    """Column name → place."""
    columns: dict[str, int] = {}
    for place, name in enumerate(names):
        if name not in required and name not in optional:
            raise ImportFault(ImportCode.UNKNOWN_COLUMN, line, name[:_SHOWN_MAX])
        if name in columns:
            raise ImportFault(ImportCode.DUPLICATE_COLUMN, line, name)
        columns[name] = place
    for name in required:
        if name not in columns:
            raise ImportFault(ImportCode.MISSING_COLUMN, line, name)
    return columns
