"""A scrip master as large as a broker's, made by a seed: stocks in several series, and their derivatives."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from random import Random

HEADER = (
    "exchange,exchangename,scripcode,scripname,marketlot,scripshortname,issuspended,instrumentname,"
    "expirydate,strikeprice,optiontype,markettype,foexposurepercent,ticksize,scripisinno,"
    "indicesidentifier,isbanscrip,scripfullname,facevalue,calevel,maxqtyperorder"
)
INDICES = ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY")
UNDERLYINGS = 200
FIRST_STRIKE, STRIKE_STEP = 10_000, 50
FIRST_DAY = date(2026, 11, 26)
WEEKS = 12
_LETTERS = "AAABCDEEEGHIIIKLMNNNOOPRRSSTTTUVY"
_TRADES = ("BANK", "STEEL", "POWER", "FINANCE", "INFRA", "MOTORS", "PHARMA", "FOODS", "CEMENT")
_ENDS = ("LIMITED", "INDUSTRIES", "INDIA", "CORPORATION", "ENTERPRISES")
_SERIES = ("EQ", "EQ", "EQ", "EQ", "BE", "SM", "N1", "GS")
_EPOCH = datetime(1980, 1, 1, tzinfo=UTC)


def scrip_master(rows: int, seed: int) -> bytes:
    """``rows`` rows, a tenth of them of the NSE's stocks and a fifteenth of the BSE's."""
    dice = Random(seed)
    names = _names(dice)
    stocks = list(islice(names, rows // 10))
    lines = [HEADER]
    lines += _stocks(dice, "NSE", stocks)
    lines += _stocks(dice, "BSE", stocks[: rows // 15])
    underlyings = (*INDICES, *stocks[:UNDERLYINGS])
    lines += islice(_derivatives(underlyings), rows - len(lines) + 1)
    return ("\n".join(lines) + "\n").encode()


def _names(dice: Random) -> Iterator[str]:
    seen: set[str] = set()
    while True:
        name = "".join(dice.choices(_LETTERS, k=dice.randint(3, 10)))
        if name not in seen:
            seen.add(name)
            yield name


def _stocks(dice: Random, exchange: str, names: list[str]) -> Iterator[str]:
    first = 1 if exchange == "NSE" else 500_000
    for token, name in enumerate(names, first):
        series = dice.choice(_SERIES) if exchange == "NSE" else "A"
        company = f"{name.title()} {dice.choice(_TRADES)} {dice.choice(_ENDS)}"
        yield (
            f"1,{exchange},{token},{name} {series},1,{name},N,          ,0,0.00,{series},1,0.00,0.050,"
            f"INE{token % 499_999:06d}010,0,N,{company},10.00,0,0"
        )


def _derivatives(underlyings: tuple[str, ...]) -> Iterator[str]:
    """Options strike by strike, at each of all underlyings, expiry by expiry; without an end."""
    tokens = count(30_000)
    days = [FIRST_DAY + timedelta(weeks=week) for week in range(WEEKS)]
    stamps = [
        int((datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC) - _EPOCH).total_seconds())
        for day in days
    ]
    for price in count(FIRST_STRIKE, STRIKE_STEP):
        for underlying in underlyings:
            weeks = WEEKS if underlying in INDICES else 3
            for day, stamp in zip(days[:weeks], stamps, strict=False):
                for right in ("CE", "PE"):
                    contract = f"{underlying} {day:%d-%b-%Y} {right} {price}"
                    yield (
                        f"2,NSEFO,{next(tokens)},{contract},75,{underlying},N,OPTIDX    ,{stamp},"
                        f"{price}.00,{right},2,0.00,0.050,,0,N,{underlying},0.00,0,1800"
                    )
