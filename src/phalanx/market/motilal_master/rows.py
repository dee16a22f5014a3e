"""The rows of a scrip master: as texts without padding, whether it came as CSV or as JSON.

A row that cannot be read is left out and told; only what concerns the file as a whole refuses it.
"""

import csv
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import msgspec

from phalanx.market.flaws import Flaws
from phalanx.market.table import (
    LINE_BYTES_MAX,
    ROWS_MAX,
    ImportCode,
    ImportFault,
    Row,
    check_size,
)

REQUIRED = (
    "exchangename",
    "scripcode",
    "scripname",
    "marketlot",
    "scripshortname",
    "issuspended",
    "instrumentname",
    "expirydate",
    "strikeprice",
    "optiontype",
    "ticksize",
)
OPTIONAL = (
    "scripisinno",
    "isbanscrip",
    "scripfullname",
    "maxqtyperorder",
    "lowercircuitprice",
    "uppercircuitprice",
)
"""The last two come in JSON only."""
_COLUMNS = {name: place for place, name in enumerate((*REQUIRED, *OPTIONAL))}


class _Answer(msgspec.Struct, frozen=True):
    """The JSON form: the broker's envelope."""

    data: list[msgspec.Raw] = []


# A number with a point stays the text it was: no float ever stands for a price.
_decode_row = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode


def read_rows(content: bytes, flaws: Flaws) -> Iterator[Row]:
    """The rows that can be read, with their line, in JSON their number from 1.

    Columns besides REQUIRED and OPTIONAL are passed over. Raises ImportFault FILE_TOO_LARGE,
    TOO_MANY_ROWS, MISSING_COLUMN, DUPLICATE_COLUMN, BAD_JSON, NOT_UTF8, or BAD_CSV for its header.
    """
    check_size(content)
    if content[:64].lstrip().startswith((b"{", b"[")):
        yield from _json_rows(content, flaws)
    else:
        yield from _csv_rows(content, flaws)


def _csv_rows(content: bytes, flaws: Flaws) -> Iterator[Row]:
    if content.count(b"\n") > ROWS_MAX + 1:
        raise ImportFault(ImportCode.TOO_MANY_ROWS, 0, "", f"more than {ROWS_MAX}")
    places: list[int] | None = None
    width = 0
    for number, raw in enumerate(BytesIO(content), 1):
        try:
            fields = _fields(number, raw)
        except ImportFault as fault:
            if places is None:
                raise
            flaws.leave_out(fault)
            continue
        if not fields:
            continue
        if places is None:
            places, width = _header(fields, number), len(fields)
        elif len(fields) != width:
            detail = f"{len(fields)} fields under {width} columns"
            flaws.leave_out(ImportFault(ImportCode.WRONG_FIELD_COUNT, number, "", detail))
        else:
            # What a file lacks stands behind the last field.
            fields.append("")
            yield Row(number, _COLUMNS, [fields[place].strip() for place in places])


def _fields(number: int, raw: bytes) -> list[str]:
    """The fields of one line, none where it is blank. A quote that is left open ends with its line."""
    if len(raw) > LINE_BYTES_MAX:
        detail = f"at most {LINE_BYTES_MAX} bytes"
        raise ImportFault(ImportCode.LINE_TOO_LONG, number, "", detail)
    if b"\0" in raw:
        raise ImportFault(ImportCode.EMBEDDED_NUL, number)
    try:
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise ImportFault(ImportCode.NOT_UTF8, number) from None
    if '"' not in line:
        return line.split(",") if line.strip() else []
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise ImportFault(ImportCode.BAD_CSV, number, "", str(error)) from None


def _header(fields: list[str], number: int) -> list[int]:
    """Where the columns that count stand in a row; one behind the last field for those it lacks."""
    names = [field.strip().casefold() for field in fields]
    for name in _COLUMNS:
        if names.count(name) > 1:
            raise ImportFault(ImportCode.DUPLICATE_COLUMN, number, name)
        if name in REQUIRED and name not in names:
            raise ImportFault(ImportCode.MISSING_COLUMN, number, name)
    return [names.index(name) if name in names else len(names) for name in _COLUMNS]


def _json_rows(content: bytes, flaws: Flaws) -> Iterator[Row]:
    rows = _json_list(content)
    if len(rows) > ROWS_MAX:
        raise ImportFault(ImportCode.TOO_MANY_ROWS, 0, "", f"more than {ROWS_MAX}")
    for number, raw in enumerate(rows, 1):
        try:
            yield _json_row(number, raw)
        except ImportFault as fault:
            flaws.leave_out(fault)


def _json_list(content: bytes) -> list[msgspec.Raw]:
    try:
        if content.lstrip().startswith(b"["):
            return msgspec.json.decode(content, type=list[msgspec.Raw])
        return msgspec.json.decode(content, type=_Answer).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ImportFault(ImportCode.BAD_JSON, 0, "", str(error)) from None


def _json_row(number: int, raw: msgspec.Raw) -> Row:
    """One object as a row. Raises ImportFault BAD_JSON, MISSING_COLUMN."""
    try:
        given = {name.casefold(): value for name, value in _decode_row(raw).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ImportFault(ImportCode.BAD_JSON, number, "", str(error)) from None
    for name in REQUIRED:
        if name not in given:
            raise ImportFault(ImportCode.MISSING_COLUMN, number, name)
    return Row(number, _COLUMNS, [_text(number, name, given.get(name)) for name in _COLUMNS])


def _text(number: int, column: str, value: object) -> str:
    """A JSON value as a CSV would have it."""
    match value:
        case None:
            return ""
        case bool():
            return "Y" if value else "N"
        case int() | str():
            return str(value).strip()
        case _:
            raise ImportFault(ImportCode.BAD_TEXT, number, column, type(value).__name__)
