"""The scrips that a simulator has unless it is given others: few, with what is odd about the live masters."""

import csv
from functools import cache

from phalanx.domain.numbers import Price, parse_fixed, whole
from phalanx.market.shipped import CLOSES, INSTRUMENTS, shipped_file
from phalanx.simulation.motilal.scrips import Index, Scrip

_FIVE_PAISE: Price = parse_fixed("0.05")

FREEZE_SHARES = 100_000


def _share(code: int, short: str, close: str, series: str = "EQ", isin: str = "") -> Scrip:
    return Scrip(
        exchange="NSE",
        code=code,
        name=f"{short} {series}" if series else short,
        short=short,
        close=parse_fixed(close),
        tick=_FIVE_PAISE,
        isin=isin,
        series=series,
        freeze=FREEZE_SHARES,
    )


SHARES = (
    _share(1660, "ITC", "412.35", isin="INE154A01025"),
    _share(1594, "INFY", "1521.9", isin="INE009A01021"),
    _share(2885, "RELIANCE", "1364.5", isin="INE002A01018"),
    _share(11536, "TCS", "3011.2", isin="INE467B01029"),
    _share(1476, "IDBI", "92.4", isin="INE008A01015"),
    _share(24225, "RELAXO", "431.7", isin="INE131B01039"),
    # One name in two series: whoever looks only at the name takes the wrong one.
    _share(685, "CHOLAFIN", "1610.4", isin="INE121A01024"),
    _share(990001, "CHOLAFIN", "1002.5", "D1"),
    _share(990002, "X", "17.25", "BE"),
    # A series that a careless reader of CSV takes for a missing value.
    _share(990003, "NIRLON", "505", "NA"),
)

BSE_SHARES = (
    Scrip(
        exchange="BSE",
        code=500116,
        name="IDBI",
        short="IDBI",
        close=parse_fixed("92.45"),
        tick=_FIVE_PAISE,
        isin="INE008A01015",
        series="A",
        freeze=FREEZE_SHARES,
    ),
)

CONTRACTS = (
    Scrip(
        exchange="NSEFO",
        code=35020,
        name="BANKNIFTY 29-Dec-2026 PE 52300",
        short="BANKNIFTY",
        close=parse_fixed("312.5"),
        tick=_FIVE_PAISE,
        lot=25,
        lower=_FIVE_PAISE,
        upper=whole(900),
        instrument="OPTIDX",
        expiry="29-Dec-2026",
        strike=whole(52_300),
        series="XX",
        option="PE",
        freeze=900,
    ),
    # Below 35,000, where the broker's own SDK takes every character N for a share.
    Scrip(
        exchange="NSEFO",
        code=34100,
        name="RELIANCE 29-Dec-2026",
        short="RELIANCE",
        close=parse_fixed("1371.2"),
        tick=_FIVE_PAISE,
        lot=500,
        instrument="FUTSTK",
        expiry="29-Dec-2026",
        strike=-whole(1),
        series="XX",
        freeze=20_000,
    ),
    # The code of a share on another exchange, and a tick that the master does not know.
    Scrip(
        exchange="NSECD",
        code=1594,
        name="USDINR 29-Dec-2026",
        short="USDINR",
        close=parse_fixed("88.425"),
        tick=parse_fixed("0.0025"),
        lot=1_000,
        instrument="FUTCUR",
        expiry="29-Dec-2026",
        strike=-whole(1),
        series="XX",
        shown_tick=0,
    ),
    Scrip(
        exchange="MCX",
        code=440939,
        name="GOLDM 04-Dec-2026",
        short="GOLDM",
        close=whole(131_500),
        tick=whole(1),
        lot=10,
        instrument="FUTCOM",
        expiry="04-Dec-2026",
        strike=-whole(1),
        series="XX",
    ),
    Scrip(
        exchange="BSEFO",
        code=873101,
        name="BSX 31-Dec-2026 CE 85000",
        short="BSX",
        close=parse_fixed("540.2"),
        tick=_FIVE_PAISE,
        lot=20,
        lower=_FIVE_PAISE,
        upper=whole(1_500),
        instrument="OPTIDX",
        expiry="31-Dec-2026",
        strike=whole(85_000),
        series="XX",
        option="CE",
    ),
)

SCRIPS = SHARES + BSE_SHARES + CONTRACTS

INDICES = (
    Index("NSE", 26000, "Nifty 50", parse_fixed("25321.9")),
    Index("NSE", 26009, "Nifty Bank", parse_fixed("58412.35")),
    Index("BSE", 999901, "SENSEX", parse_fixed("83126.4")),
)


@cache
def shipped_scrips() -> tuple[Scrip, ...]:
    """Every share of the instruments file that comes with Phalanx, under its own codes, at its last known
    close; 100 rupees where there is none. Raises FileNotFoundError.
    """
    closes: dict[str, str] = {}
    with shipped_file(CLOSES).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            closes[row["symbol"]] = row["close"]
    with shipped_file(INSTRUMENTS).open(encoding="utf-8", newline="") as file:
        return tuple(
            Scrip(
                exchange="NSE",
                code=int(row["token_id"]),
                name=f"{row['symbol']} {row['instrument_type']}",
                short=row["symbol"],
                close=parse_fixed(closes.get(row["symbol"], "100")),
                tick=parse_fixed(row["tick_size"]),
                lot=int(row["lot_size"]),
                series=row["instrument_type"],
                freeze=FREEZE_SHARES,
            )
            for row in csv.DictReader(file)
            if row["exchange"] == "NSE"
        )
