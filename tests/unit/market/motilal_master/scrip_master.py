"""Scrip masters of Motilal Oswal as its files are, quirks included."""

from typing import Final

import msgspec

from phalanx.domain.instruments import Instrument
from phalanx.market.flaws import Flaws
from phalanx.market.motilal_master import read_master

END_OF_2026: Final = 1_483_228_799
"""2026-12-31 23:59:59 in seconds since 1980-01-01, both UTC."""

INFY: Final = {
    "exchange": "1",
    "exchangename": "NSE",
    "scripcode": "1594",
    "scripname": "INFY EQ",
    "marketlot": "1",
    "scripshortname": "INFY",
    "issuspended": "N",
    "instrumentname": "          ",
    "expirydate": "0",
    "strikeprice": "0.00",
    "optiontype": "EQ",
    "markettype": "1",
    "foexposurepercent": "0.00",
    "ticksize": "0.100",
    "scripisinno": "INE009A01021",
    "indicesidentifier": "0",
    "isbanscrip": "N",
    "scripfullname": "INFOSYS LIMITED",
    "facevalue": "5.00",
    "calevel": "0",
    "maxqtyperorder": "0",
}
COLUMNS: Final = list(INFY)
OPTION: Final = {
    **INFY,
    "exchangename": "NSEFO",
    "scripcode": "43215",
    "scripname": "NIFTY 31-Dec-2026 CE 17000",
    "marketlot": "75",
    "scripshortname": "NIFTY",
    "instrumentname": "OPTIDX    ",
    "expirydate": str(END_OF_2026),
    "strikeprice": "17000.00",
    "optiontype": "CE",
    "ticksize": "0.050",
    "scripisinno": "",
    "scripfullname": "NIFTY",
    "maxqtyperorder": "1800",
}
FUTURE: Final = {
    **OPTION,
    "exchangename": "MCX",
    "scripcode": "991",
    "scripname": "GOLD 31-Dec-2026",
    "scripshortname": "GOLD",
    "marketlot": "1",
    "instrumentname": "FUTCOM    ",
    "strikeprice": "-1.00",
    "optiontype": "XX",
    "ticksize": "1.000",
}


def csv_of(*rows: dict[str, str], columns: list[str] = COLUMNS) -> bytes:
    """A file with these rows; the header is on line 1."""
    lines = [columns, *([row[column] for column in columns] for row in rows)]
    return ("\r\n".join(",".join(line) for line in lines) + "\r\n").encode()


def json_of(*rows: dict[str, object]) -> bytes:
    """The answer of the broker's own door for it."""
    return msgspec.json.encode({"status": "SUCCESS", "message": "", "errorcode": "", "data": rows})


def read(content: bytes) -> tuple[list[Instrument], Flaws]:
    """What it comes to."""
    flaws = Flaws()
    return read_master(content, flaws), flaws


def one(row: dict[str, str], **changes: str) -> Instrument:
    """The instrument of a row, in which nothing is wrong."""
    (instrument,), flaws = read(csv_of({**row, **changes}))
    assert not flaws.told
    return instrument
