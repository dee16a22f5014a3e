"""The files of scrips, indices and price ranges, with everything that is odd about the live ones."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

from phalanx.simulation.motilal.amounts import rupees
from phalanx.simulation.motilal.books import circuits
from phalanx.simulation.motilal.moments import day_of, expiry_seconds
from phalanx.simulation.motilal.scrips import Scrip, ScripTable

COLUMNS: Final = (
    *("exchange", "exchangename", "scripcode", "scripname", "marketlot", "scripshortname"),
    *("issuspended", "instrumentname", "expirydate", "strikeprice", "optiontype", "markettype"),
    *("foexposurepercent", "ticksize", "scripisinno", "indicesidentifier", "isbanscrip"),
    *("scripfullname", "facevalue", "calevel", "maxqtyperorder"),
)
WIDTH: Final = 8
"""Instrument names are padded to it with spaces; those of shares are nothing but spaces."""

EXPIRY_S: Final = 14 * 3_600 + 30 * 60
"""The second of its day that an expiry is stamped with, as in the broker's sample."""

MCX_EXPIRY_S: Final = 24 * 3_600 - 1
"""In UTC, so that who turns it into India's time is a day late."""

BSEFO_TOKEN: Final = 10_000_000


def scrips_csv(table: ScripTable, exchange: str) -> str:
    """``getscripmastercsv``: only the header for an exchange that is not known. BSEFO has a column more."""
    extra = ("ultoken",) if exchange == "BSEFO" else ()
    rows = []
    for scrip in table.of_exchange(exchange):
        row = _row(scrip)
        row["ticksize"] = f"{float(row['ticksize']):.3f}"
        if extra:
            row["ultoken"] = BSEFO_TOKEN + scrip.code
        rows.append(row)
    return _csv((*COLUMNS, *extra), rows)


def scrips_json(table: ScripTable, exchange: str) -> list[dict[str, Any]]:
    """``getscripsbyexchangename``: has the circuits, and no freeze quantity."""
    rows = []
    for scrip in table.of_exchange(exchange):
        row = _row(scrip) | circuits(scrip)
        del row["maxqtyperorder"]
        rows.append(row)
    return rows


def indices_csv(table: ScripTable, exchange: str) -> str:
    """``getindexdatacsv``."""
    rows = [
        {"exchangename": one.exchange, "indexcode": one.code, "indexname": one.name}
        for one in table.indices.values()
        if one.exchange == exchange
    ]
    return _csv(("exchangename", "indexcode", "indexname"), rows)


def _row(scrip: Scrip) -> dict[str, Any]:
    day = day_of(scrip.expiry)
    second = MCX_EXPIRY_S if scrip.exchange == "MCX" else EXPIRY_S
    tick = scrip.tick if scrip.shown_tick is None else scrip.shown_tick
    return {
        "exchange": scrip.segment.number,
        "exchangename": scrip.exchange,
        "scripcode": scrip.code,
        "scripname": scrip.name,
        "marketlot": scrip.lot,
        "scripshortname": scrip.short,
        "issuspended": "N",
        "instrumentname": scrip.instrument.ljust(WIDTH),
        "expirydate": expiry_seconds(day, second) if day else 0,
        "strikeprice": rupees(scrip.strike),
        "optiontype": scrip.series if scrip.is_cash else scrip.option,
        "markettype": " ",
        "foexposurepercent": 0,
        "ticksize": rupees(tick),
        "scripisinno": scrip.isin,
        "indicesidentifier": 0,
        "isbanscrip": "N",
        "scripfullname": scrip.name,
        "facevalue": 0,
        "calevel": 0,
        "maxqtyperorder": scrip.freeze,
    }


def _csv(columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, tuple(columns), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
