"""Every quirk of the broker's files, row by row."""

import pytest

from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.market.flaws import Flaw
from tests.unit.market.motilal_master.scrip_master import (
    END_OF_2026,
    FUTURE,
    INFY,
    OPTION,
    csv_of,
    one,
    read,
)

DAY_S = 86_400


def test_a_stock_has_its_series_isin_and_company() -> None:
    assert one(INFY) == Instrument(
        "NSE:1594",
        "NSE",
        "1594",
        "INFY",
        "EQ",
        whole(1),
        parse_fixed("0.1"),
        isin="INE009A01021",
        series="EQ",
        name="INFOSYS LIMITED",
    )


def test_an_option_is_named_by_underlying_day_strike_and_right() -> None:
    assert one(OPTION) == Instrument(
        "NSEFO:43215",
        "NSEFO",
        "43215",
        "NIFTY 31-DEC-2026 17000 CE",
        "OPTIDX",
        whole(75),
        parse_fixed("0.05"),
        freeze_quantity=whole(1_800),
        expiry="2026-12-31",
        strike=whole(17_000),
        right="CE",
    )


def test_the_strike_of_a_future_is_minus_one_and_means_none() -> None:
    future = one(FUTURE)

    assert (future.symbol, future.strike, future.right) == ("GOLD 31-DEC-2026 FUT", 0, "")


def test_a_broken_strike_stays_exact() -> None:
    option = one(OPTION, exchangename="NSECD", scripshortname="USDINR", strikeprice="82.2500")

    assert option.strike == parse_fixed("82.25")
    assert option.symbol == "USDINR 31-DEC-2026 82.25 CE"


def test_seconds_count_from_1980_and_the_day_is_that_of_utc() -> None:
    # One second before midnight UTC is the next day in India: MCX stamps its rows so.
    last = one(FUTURE, scripname="GOLD", expirydate=str(END_OF_2026))
    first = one(FUTURE, scripname="GOLD", expirydate=str(END_OF_2026 + 1))

    assert (last.expiry, first.expiry) == ("2026-12-31", "2027-01-01")


def test_the_day_in_the_name_counts_and_a_stamp_that_says_another_one_is_remarked() -> None:
    row = {**FUTURE, "scripname": "GOLD 5-feb-2027", "expirydate": str(END_OF_2026)}
    (future,), flaws = read(csv_of(row))

    assert (future.expiry, future.symbol) == ("2027-02-05", "GOLD 05-FEB-2027 FUT")
    assert flaws.told == [
        Flaw(2, "EXPIRY_BY_NAME", "expirydate", "2027-02-05, and not 2026-12-31", False)
    ]


@pytest.mark.parametrize("stamp", ["", "0", "-1", "1e9", "99999999999", "soon"])
def test_a_stamp_that_says_nothing_is_not_needed_where_the_name_has_the_day(stamp: str) -> None:
    assert one(FUTURE, expirydate=stamp).expiry == "2026-12-31"


@pytest.mark.parametrize(
    ("exchange", "option_type", "name", "series"),
    [
        ("NSE", "BE", "INFY BE", "BE"),
        ("NSE", "NA", "INFY NA", "NA"),
        ("NSE", "  ", "INFY BZ", "BZ"),
        ("NSE", "XX", "INFY", ""),
        ("NSE", "", "INFY LONGER", ""),
        ("NSE", "", "INFOSYS", ""),
        ("BSE", "", "INFY LT", ""),
        ("BSE", "T", "INFY", "T"),
    ],
)
def test_the_series_is_in_the_option_type_or_behind_the_name(
    exchange: str, option_type: str, name: str, series: str
) -> None:
    stock = one(INFY, exchangename=exchange, optiontype=option_type, scripname=name)

    assert (stock.symbol, stock.series) == ("INFY", series)


def test_a_tick_of_zero_is_the_default_and_marked() -> None:
    row = {**OPTION, "exchangename": "NSECD", "ticksize": "0.000"}
    (option,), flaws = read(csv_of(row))

    assert option.tick_size == parse_fixed("0.05")
    assert flaws.told == [Flaw(2, "DEFAULT_TICK", "ticksize", "0.05 taken", False)]
    assert flaws.left_out == 0


@pytest.mark.parametrize(
    ("exchange", "short", "underlying"),
    [
        ("BSEFO", "BSX", "SENSEX"),
        ("BSEFO", "BKX", "BANKEX"),
        ("BSEFO", "SX50", "SENSEX50"),
        ("BSEFO", "TCS", "TCS"),
        ("NSEFO", "BSX", "BSX"),
    ],
)
def test_the_bse_s_abbreviations_are_spelt_out(exchange: str, short: str, underlying: str) -> None:
    option = one(OPTION, exchangename=exchange, scripshortname=short)

    assert option.symbol == f"{underlying} 31-DEC-2026 17000 CE"


def test_what_is_suspended_is_not_tradable() -> None:
    assert one(INFY).tradable
    assert not one(INFY, issuspended="Y").tradable


def test_a_ban_is_of_derivatives_and_the_stock_is_traded_as_ever() -> None:
    assert one(OPTION, isbanscrip="Y").banned
    assert one(OPTION, isbanscrip="Y").tradable
    assert not one(INFY, isbanscrip="Y").banned


def test_the_isin_of_a_derivative_is_its_underlying_s_and_left_out() -> None:
    assert not one(OPTION, scripisinno="INE009A01021").isin


def test_an_isin_or_a_company_that_cannot_be_is_left_out_and_remarked() -> None:
    (stock,), flaws = read(csv_of({**INFY, "scripisinno": "NA", "scripfullname": "=cmd()"}))

    assert (stock.isin, stock.name) == ("", "")
    assert [(flaw.code, flaw.detail) for flaw in flaws.told] == [
        ("ISIN_LEFT_OUT", "'NA'"),
        ("NAME_LEFT_OUT", "'=cmd()'"),
    ]


@pytest.mark.parametrize(
    ("row", "column", "text", "code"),
    [
        (INFY, "exchangename", "", "EMPTY_FIELD"),
        (INFY, "exchangename", "LOCAL", "RESERVED_EXCHANGE"),
        (INFY, "exchangename", "Nse", "BAD_TEXT"),
        (INFY, "scripcode", "", "EMPTY_FIELD"),
        (INFY, "scripcode", "1:2", "BAD_TEXT"),
        (INFY, "scripshortname", "", "EMPTY_FIELD"),
        (INFY, "scripshortname", "=A1", "BAD_TEXT"),
        (INFY, "scripshortname", "X" * 41, "FIELD_TOO_LONG"),
        (INFY, "optiontype", "e q", "BAD_TEXT"),
        (INFY, "optiontype", "X" * 17, "BAD_TEXT"),
        (INFY, "marketlot", "0", "NOT_POSITIVE"),
        (INFY, "marketlot", "", "EMPTY_FIELD"),
        (INFY, "marketlot", "1e2", "BAD_NUMBER"),
        (INFY, "ticksize", "nan", "BAD_NUMBER"),
        (INFY, "ticksize", "-0.05", "NOT_POSITIVE"),
        (INFY, "maxqtyperorder", "-1", "NOT_POSITIVE"),
        (INFY, "issuspended", "true", "FIELD_TOO_LONG"),
        (INFY, "isbanscrip", "X", "BAD_TEXT"),
        (INFY, "instrumentname", "opt", "BAD_TEXT"),
        (OPTION, "optiontype", "XX", "BAD_TEXT"),
        (OPTION, "strikeprice", "-1", "NOT_POSITIVE"),
        (OPTION, "strikeprice", "0", "NOT_POSITIVE"),
        (OPTION, "scripname", "NIFTY 31-Feb-2026", "BAD_DATE"),
        (OPTION, "scripname", "NIFTY 31-Foo-2026", "BAD_DATE"),
    ],
)
def test_a_row_that_is_no_instrument_is_left_out_with_its_line_and_code(
    row: dict[str, str], column: str, text: str, code: str
) -> None:
    instruments, flaws = read(csv_of(FUTURE, {**row, column: text}))

    assert [instrument.exchange for instrument in instruments] == ["MCX"]
    assert [(flaw.line, flaw.code, flaw.column) for flaw in flaws.told] == [(3, code, column)]
    assert (flaws.left_out, flaws.counts) == (1, {code: 1})


def test_a_derivative_without_any_day_is_left_out() -> None:
    _, flaws = read(csv_of({**FUTURE, "scripname": "GOLD", "expirydate": "0"}))

    assert [(flaw.code, flaw.column) for flaw in flaws.told] == [("BAD_DATE", "expirydate")]


def test_a_symbol_that_would_be_too_long_is_left_out() -> None:
    row = {**OPTION, "scripshortname": "X" * 40, "strikeprice": "12345678.12345678"}
    _, flaws = read(csv_of(row))

    assert [flaw.code for flaw in flaws.told] == ["FIELD_TOO_LONG"]
