import hashlib

import pytest

from phalanx.domain.instruments import AmbiguousName, Instrument
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.market.master import diff, read_aliases, read_index, read_instruments
from phalanx.market.table import BYTES_MAX, ROWS_MAX, ImportCode, ImportFault, read_rows

HEADER = "symbol,token_id,exchange,instrument_type,lot_size,tick_size"


def _csv(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def _fault(content: bytes) -> ImportFault:
    with pytest.raises(ImportFault) as caught:
        read_instruments(content)
    return caught.value


def test_a_row_becomes_an_instrument() -> None:
    assert read_instruments(_csv("RELIANCE,2885,NSE,EQ,1,0.1")) == [
        Instrument("NSE:2885", "NSE", "2885", "RELIANCE", "EQ", whole(1), parse_fixed("0.1"))
    ]


def test_a_lot_may_be_a_fraction() -> None:
    (coin,) = read_instruments(_csv("BTCUSDT,BTC-USDT,BINANCE,SPOT,0.00001,0.01"))

    assert coin.lot_size == parse_fixed("0.00001")
    assert coin.key == "BINANCE:BTC-USDT"


def test_columns_stand_in_any_order_and_known_extra_ones_are_read() -> None:
    header = (
        "tick_size,isin,currency,series,expiry,strike,right,freeze_quantity,band_low,band_high,"
        f"tradable,{HEADER.removesuffix(',tick_size')}"
    )
    row = "0.05,INE002A01018,USD,EQ,2026-12-31,1400.5,CE,5000,1200,1500,false,X,7,NSE,OPT,75"

    (instrument,) = read_instruments(_csv(row, header=header))

    assert instrument == Instrument(
        "NSE:7",
        "NSE",
        "7",
        "X",
        "OPT",
        whole(75),
        parse_fixed("0.05"),
        "INE002A01018",
        "USD",
        whole(5_000),
        whole(1_200),
        whole(1_500),
        tradable=False,
        series="EQ",
        expiry="2026-12-31",
        strike=parse_fixed("1400.5"),
        right="CE",
    )


def test_empty_optional_fields_mean_none() -> None:
    header = f"{HEADER},isin,currency,strike,tradable"

    (instrument,) = read_instruments(_csv("X,7,NSE,EQ,1,0.05,,,,", header=header))

    assert (instrument.isin, instrument.currency, instrument.strike) == ("", "INR", 0)
    assert instrument.tradable


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + _csv("X,7,NSE,EQ,1,0.05"),
        _csv("X,7,NSE,EQ,1,0.05").replace(b"\n", b"\r\n"),
        _csv("X,7,NSE,EQ,1,0.05").rstrip(b"\n"),
        _csv("", "X,7,NSE,EQ,1,0.05", "", ""),
        _csv('"X","7","NSE","EQ","1","0.05"'),
    ],
    ids=["byte order mark", "CRLF", "no end of line", "blank lines", "quotes"],
)
def test_the_same_file_written_otherwise(content: bytes) -> None:
    assert [instrument.key for instrument in read_instruments(content)] == ["NSE:7"]


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("X,7,NSE,EQ,0,0.05", ImportCode.NOT_POSITIVE, "lot_size"),
        ("X,7,NSE,EQ,-1,0.05", ImportCode.NOT_POSITIVE, "lot_size"),
        ("X,7,NSE,EQ,1,0.00", ImportCode.NOT_POSITIVE, "tick_size"),
        ("X,7,NSE,EQ,1,-0.05", ImportCode.NOT_POSITIVE, "tick_size"),
        ("X,7,NSE,EQ,1,", ImportCode.EMPTY_FIELD, "tick_size"),
        ("X,7,NSE,EQ,one,0.05", ImportCode.BAD_NUMBER, "lot_size"),
        ("X,7,NSE,EQ,1e3,0.05", ImportCode.BAD_NUMBER, "lot_size"),
        ("X,7,NSE,EQ,nan,0.05", ImportCode.BAD_NUMBER, "lot_size"),
        ("X,7,NSE,EQ, 1,0.05", ImportCode.BAD_NUMBER, "lot_size"),
        ("X,7,NSE,EQ,+1,0.05", ImportCode.BAD_NUMBER, "lot_size"),
        ("X,7,NSE,EQ,٣,0.05", ImportCode.BAD_NUMBER, "lot_size"),
        ("X,7,NSE,EQ,1,0.000000001", ImportCode.BAD_NUMBER, "tick_size"),
        ("X,7,NSE,EQ,99999999999999,0.05", ImportCode.BAD_NUMBER, "lot_size"),
        (",7,NSE,EQ,1,0.05", ImportCode.EMPTY_FIELD, "symbol"),
        ("X,,NSE,EQ,1,0.05", ImportCode.EMPTY_FIELD, "token_id"),
        ("X,7,,EQ,1,0.05", ImportCode.EMPTY_FIELD, "exchange"),
        ("X,7,NSE,,1,0.05", ImportCode.EMPTY_FIELD, "instrument_type"),
        (" X,7,NSE,EQ,1,0.05", ImportCode.BAD_TEXT, "symbol"),
        ("X ,7,NSE,EQ,1,0.05", ImportCode.BAD_TEXT, "symbol"),
        ("=A1,7,NSE,EQ,1,0.05", ImportCode.BAD_TEXT, "symbol"),
        ("NSE:8,7,NSE,EQ,1,0.05", ImportCode.BAD_TEXT, "symbol"),
        ('"X\nY",7,NSE,EQ,1,0.05', ImportCode.BAD_TEXT, "symbol"),
        ("X\x1b[2J,7,NSE,EQ,1,0.05", ImportCode.BAD_TEXT, "symbol"),
        ("X,7:8,NSE,EQ,1,0.05", ImportCode.BAD_TEXT, "token_id"),
        ("X,7 8,NSE,EQ,1,0.05", ImportCode.BAD_TEXT, "token_id"),
        ("X,7,nse,EQ,1,0.05", ImportCode.BAD_TEXT, "exchange"),
        ("X,7,NS1,EQ,1,0.05", ImportCode.BAD_TEXT, "exchange"),
        (f"{'X' * 65},7,NSE,EQ,1,0.05", ImportCode.FIELD_TOO_LONG, "symbol"),
        (f"X,{'7' * 65},NSE,EQ,1,0.05", ImportCode.FIELD_TOO_LONG, "token_id"),
        (f"X,7,{'N' * 17},EQ,1,0.05", ImportCode.FIELD_TOO_LONG, "exchange"),
        ("X,7,LOCAL,EQ,1,0.05", ImportCode.RESERVED_EXCHANGE, "exchange"),
        ("X,7,NSE,EQ,1", ImportCode.WRONG_FIELD_COUNT, ""),
        ("X,7,NSE,EQ,1,0.05,", ImportCode.WRONG_FIELD_COUNT, ""),
        ('X"Y,7,NSE,EQ,1,"0.05"x', ImportCode.BAD_CSV, ""),
        ('"X,7,NSE,EQ,1,0.05', ImportCode.BAD_CSV, ""),
        ("X,7,NSE,EQ,1,\r0.05", ImportCode.BAD_CSV, ""),
        (f"{'X' * 5_000},7,NSE,EQ,1,0.05", ImportCode.LINE_TOO_LONG, ""),
    ],
)
def test_a_bad_row_is_refused_with_its_place(row: str, code: ImportCode, column: str) -> None:
    fault = _fault(_csv("GOOD,1,NSE,EQ,1,0.05", row))

    assert (fault.code, fault.column) == (code, column)
    # A quoted line break puts the row's end on the next line.
    assert fault.line == 3 + row.count("\n")


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("isin", "INE002A0101", ImportCode.BAD_TEXT),
        ("isin", "INE002A01018X", ImportCode.FIELD_TOO_LONG),
        ("currency", "inr", ImportCode.BAD_TEXT),
        ("expiry", "31-12-2026", ImportCode.BAD_TEXT),
        ("expiry", "2026-13-01", ImportCode.BAD_TEXT),
        ("tradable", "yes", ImportCode.BAD_TEXT),
        ("strike", "-5", ImportCode.NOT_POSITIVE),
        ("freeze_quantity", "many", ImportCode.BAD_NUMBER),
        ("series", "e q", ImportCode.BAD_TEXT),
    ],
)
def test_a_bad_optional_field_is_refused(column: str, text: str, code: ImportCode) -> None:
    fault = _fault(_csv(f"X,7,NSE,EQ,1,0.05,{text}", header=f"{HEADER},{column}"))

    assert (fault.code, fault.line, fault.column) == (code, 2, column)


def test_a_band_upside_down_is_refused() -> None:
    header = f"{HEADER},band_low,band_high"

    fault = _fault(_csv("X,7,NSE,EQ,1,0.05,11,10", header=header))

    assert fault.code == ImportCode.BAD_BAND


@pytest.mark.parametrize(
    ("header", "code", "column"),
    [
        (HEADER.replace(",tick_size", ""), ImportCode.MISSING_COLUMN, "tick_size"),
        (f"{HEADER},colour", ImportCode.UNKNOWN_COLUMN, "colour"),
        (HEADER.upper(), ImportCode.UNKNOWN_COLUMN, "SYMBOL"),
        (f"{HEADER},symbol", ImportCode.DUPLICATE_COLUMN, "symbol"),
        (HEADER.replace(",", ";"), ImportCode.UNKNOWN_COLUMN, HEADER.replace(",", ";")),
    ],
)
def test_a_bad_header_is_refused(header: str, code: ImportCode, column: str) -> None:
    fault = _fault(_csv("X,7,NSE,EQ,1,0.05", header=header))

    assert (fault.code, fault.line, fault.column) == (code, 1, column)


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", ImportCode.EMPTY_FILE, 0),
        (b"\xef\xbb\xbf", ImportCode.EMPTY_FILE, 0),
        (b"\n\n", ImportCode.EMPTY_FILE, 0),
        (_csv(), ImportCode.EMPTY_FILE, 0),
        (_csv("X,7,NSE,EQ,1,0.05", "Y\xff").replace("ÿ".encode(), b"\xff"), ImportCode.NOT_UTF8, 3),
        (_csv("X,7,NSE,EQ,1,0.05").decode().encode("utf-16"), ImportCode.EMBEDDED_NUL, 1),
        (_csv("X,7,NSE,EQ,1,0.05", "Y\0,8,NSE,EQ,1,0.05"), ImportCode.EMBEDDED_NUL, 3),
        (b"x" * (BYTES_MAX + 1), ImportCode.FILE_TOO_LARGE, 0),
        (b"\n" * (ROWS_MAX + 2), ImportCode.TOO_MANY_ROWS, 0),
    ],
)
def test_a_bad_file_is_refused_whole(content: bytes, code: ImportCode, line: int) -> None:
    fault = _fault(content)

    assert (fault.code, fault.line) == (code, line)


def test_a_million_rows_are_refused_before_any_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phalanx.market.table._lines", pytest.fail)

    assert _fault(_csv(*(["X,7,NSE,EQ,1,0.05"] * 1_000_000))).code == ImportCode.TOO_MANY_ROWS


def test_the_most_rows_are_read_and_one_more_is_refused() -> None:
    rows = [f"X{number},{number}" for number in range(4)]

    def count(*rows: str) -> int:
        content = _csv(*rows, header="alias,symbol")
        return len(list(read_rows(content, ("alias", "symbol"), rows_max=3)))

    assert count(*rows[:3]) == 3
    with pytest.raises(ImportFault, match="TOO_MANY_ROWS: more than 3"):
        count(*rows)


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("Y,7,NSE,EQ,1,0.05", ImportCode.DUPLICATE_KEY, "token_id"),
        ("X,8,NSE,EQ,1,0.05", ImportCode.DUPLICATE_SYMBOL, "symbol"),
    ],
)
def test_the_same_again_is_refused(row: str, code: ImportCode, column: str) -> None:
    fault = _fault(_csv("X,7,NSE,EQ,1,0.05", row))

    assert (fault.code, fault.line, fault.column) == (code, 3, column)
    assert "line 2 already" in str(fault)


def test_the_same_token_and_symbol_on_another_exchange_are_another_instrument() -> None:
    index = read_index(_csv("X,7,NSE,EQ,1,0.05", "X,7,BSE,EQ,1,0.05"))

    assert len(index) == 2
    with pytest.raises(AmbiguousName):
        index.resolve("7")


def test_exchanges_are_few() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    names = [first + second for first in letters for second in letters]

    fault = _fault(_csv(*(f"X,7,{name},EQ,1,0.05" for name in names)))

    assert (fault.code, fault.line) == (ImportCode.TOO_MANY_EXCHANGES, 66)


def test_a_fault_says_everything_in_one_short_line() -> None:
    fault = _fault(_csv(f"X,7,NSE,EQ,{'9' * 100},0.05"))

    assert str(fault).startswith("BAD_NUMBER, line 2, lot_size: NUMBER_TOO_LARGE: '999")
    assert len(str(fault)) < 135


def test_an_index_knows_the_hash_of_its_file_and_the_aliases() -> None:
    content = _csv("LT,11483,NSE,EQ,1,0.1")

    index = read_index(content, {"L&T": "LT"})

    assert index.sha256 == hashlib.sha256(content).hexdigest()
    found = index.resolve("L&T")
    assert found is not None
    assert found.key == "NSE:11483"


def test_an_alias_given_twice_is_refused() -> None:
    with pytest.raises(ImportFault) as caught:
        read_aliases(b"alias,symbol\nA,X\nA,Y\n")

    assert (caught.value.code, caught.value.line) == (ImportCode.DUPLICATE_KEY, 3)


def test_a_diff_names_what_came_changed_and_went() -> None:
    before = read_index(_csv("A,1,NSE,EQ,1,0.05", "B,2,NSE,EQ,1,0.05", "C,3,NSE,EQ,1,0.05"))
    after = read_index(_csv("C,3,NSE,EQ,1,0.05", "B,2,NSE,EQ,1,0.01", "D,4,NSE,EQ,1,0.05"))

    found = diff(before, after)

    assert [instrument.symbol for instrument in found.added] == ["D"]
    assert [instrument.symbol for instrument in found.removed] == ["A"]
    assert [(old.tick_size, new.tick_size) for old, new in found.changed] == [
        (parse_fixed("0.05"), parse_fixed("0.01"))
    ]
