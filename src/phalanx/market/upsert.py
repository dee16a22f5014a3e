"""Bringing a master up to date: rows of a file are added or change what they name, the rest stays."""

import csv
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from io import StringIO
from typing import Final

import msgspec

from phalanx.domain.instruments import Instrument, InstrumentIndex
from phalanx.domain.numbers import Fixed, format_fixed
from phalanx.market.master import (
    EXCHANGES_MAX,
    OPTIONAL,
    REQUIRED,
    MasterDiff,
    content_hash,
    diff,
)
from phalanx.market.table import BYTES_MAX, ROWS_MAX, ImportCode, ImportFault, shown


class Upserted(msgspec.Struct, frozen=True):
    """A master after an import, as a file and as an index; ``content`` is None when nothing changed."""

    content: bytes | None
    index: InstrumentIndex
    report: MasterDiff


def upsert(
    before: InstrumentIndex, update: Sequence[Instrument], aliases: Mapping[str, str]
) -> Upserted:
    """``update`` merged onto ``before`` and written down, so that it can be kept under its hash.

    When nothing changes it is ``before`` itself, under the hash that it has. Raises ImportFault as
    ``merge`` and ``write_instruments`` do.
    """
    merged = merge(before, update)
    report = diff(before, InstrumentIndex(merged))
    assert not report.removed, "an import takes nothing away"
    if not report.added and not report.changed:
        return Upserted(None, before, report)
    content = write_instruments(merged)
    return Upserted(content, InstrumentIndex(merged, aliases, content_hash(content)), report)


def merge(before: InstrumentIndex, update: Sequence[Instrument]) -> list[Instrument]:
    """The instruments of ``before``, those with a key of ``update`` as it has them; new ones last.

    An instrument of ``update`` counts whole: what it leaves out is "none", not what was there.
    Raises ImportFault TOO_MANY_ROWS, TOO_MANY_EXCHANGES, or DUPLICATE_KEY when a symbol would
    belong to two tokens of an exchange: a renumbering must rename the other one as well.
    """
    merged = {instrument.key: instrument for instrument in before}
    merged.update((instrument.key, instrument) for instrument in update)
    check_together(merged.values())
    return list(merged.values())


def check_together(instruments: Collection[Instrument]) -> None:
    """Raise ImportFault where they are too many for a master, or a symbol would belong to two tokens."""
    if len(instruments) > ROWS_MAX:
        detail = f"more than {ROWS_MAX} together with those in force"
        raise ImportFault(ImportCode.TOO_MANY_ROWS, 0, "", detail)
    if len({instrument.exchange for instrument in instruments}) > EXCHANGES_MAX:
        detail = f"more than {EXCHANGES_MAX} together with those in force"
        raise ImportFault(ImportCode.TOO_MANY_EXCHANGES, 0, "exchange", detail)
    _check_symbols(instruments)


def write_instruments(instruments: Iterable[Instrument]) -> bytes:
    """A CSV that ``read_instruments`` reads back as the same instruments in the same order.

    It has the required columns and those optional ones that any instrument uses; the same
    instruments give the same bytes. Raises ImportFault FILE_TOO_LARGE.
    """
    rows = list(instruments)
    unused = {column for column in OPTIONAL if all(_is_default(column, row) for row in rows)}
    columns = [column for column in (*REQUIRED, *OPTIONAL) if column not in unused]
    texts = [_TEXTS[column] for column in columns]
    file = StringIO()
    # Without this a line would end in CR LF.
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([text(row) for text in texts])
        # Every field is ASCII: a character is a byte.
        if file.tell() > BYTES_MAX:
            detail = f"more than {BYTES_MAX} bytes together with those in force"
            raise ImportFault(ImportCode.FILE_TOO_LARGE, 0, "", detail)
    return file.getvalue().encode("ascii")


def instrument_texts(instrument: Instrument) -> dict[str, str]:
    """An instrument's columns as a file has them."""
    return {column: text(instrument) for column, text in _TEXTS.items()}


def _check_symbols(instruments: Iterable[Instrument]) -> None:
    """Raise ImportFault when two tokens of an exchange have one symbol."""
    owners: dict[tuple[str, str], Instrument] = {}
    for instrument in instruments:
        owner = owners.setdefault((instrument.exchange, instrument.symbol), instrument)
        if owner is not instrument:
            detail = (
                f"{shown(instrument.symbol)} of {instrument.exchange} would belong to the tokens "
                f"{owner.token} and {instrument.token}; the file must rename one of them"
            )
            raise ImportFault(ImportCode.DUPLICATE_KEY, 0, "symbol", detail)


def _is_default(column: str, instrument: Instrument) -> bool:
    return _TEXTS[column](instrument) == _DEFAULTS.get(column, "")


def _amount(value: Fixed) -> str:
    """Empty for zero, which means "none"."""
    return format_fixed(value) if value else ""


_DEFAULTS: Final = {"currency": "INR", "tradable": "true", "banned": "false"}
_TEXTS: Final[Mapping[str, Callable[[Instrument], str]]] = {
    "symbol": lambda instrument: instrument.symbol,
    "token_id": lambda instrument: instrument.token,
    "exchange": lambda instrument: instrument.exchange,
    "instrument_type": lambda instrument: instrument.instrument_type,
    "lot_size": lambda instrument: format_fixed(instrument.lot_size),
    "tick_size": lambda instrument: format_fixed(instrument.tick_size),
    "isin": lambda instrument: instrument.isin,
    "currency": lambda instrument: instrument.currency,
    "series": lambda instrument: instrument.series,
    "expiry": lambda instrument: instrument.expiry,
    "strike": lambda instrument: _amount(instrument.strike),
    "right": lambda instrument: instrument.right,
    "freeze_quantity": lambda instrument: _amount(instrument.freeze_quantity),
    "band_low": lambda instrument: _amount(instrument.band_low),
    "band_high": lambda instrument: _amount(instrument.band_high),
    "tradable": lambda instrument: "true" if instrument.tradable else "false",
    "name": lambda instrument: instrument.name,
    "banned": lambda instrument: "true" if instrument.banned else "false",
}
