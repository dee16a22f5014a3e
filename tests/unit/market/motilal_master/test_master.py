"""The file as a whole: CSV and JSON, tokens, series that collide."""

import msgspec
import pytest

from phalanx.domain.numbers import parse_fixed, whole
from phalanx.market import table
from phalanx.market.flaws import FLAWS_TOLD
from phalanx.market.motilal_master import rows
from phalanx.market.table import ImportCode, ImportFault
from tests.unit.market.motilal_master.scrip_master import (
    COLUMNS,
    FUTURE,
    INFY,
    OPTION,
    csv_of,
    json_of,
    read,
)


def _fault(content: bytes) -> ImportFault:
    with pytest.raises(ImportFault) as caught:
        read(content)
    return caught.value


def test_a_token_is_unique_within_its_exchange_only() -> None:
    bse = {**INFY, "exchangename": "BSE", "optiontype": "A"}
    again = {**OPTION, "exchangename": "BSE", "scripcode": "1594"}
    found, flaws = read(csv_of(INFY, bse, again))

    assert [one.key for one in found] == ["NSE:1594", "BSE:1594"]
    (flaw,) = flaws.told
    assert (flaw.line, flaw.code) == (4, "DUPLICATE_KEY")
    assert flaw.detail == "BSE:1594 is on line 3 already"


def test_of_a_stock_s_series_eq_has_the_short_name() -> None:
    series = ["D1", "NA", "EQ", "BE"]
    listed = [
        {**INFY, "scripcode": str(at), "scripshortname": "CHOLAFIN", "optiontype": one}
        for at, one in enumerate(series, 1)
    ]
    found, flaws = read(csv_of(*listed))

    assert [one.symbol for one in found] == [
        "CHOLAFIN-D1",
        "CHOLAFIN-NA",
        "CHOLAFIN",
        "CHOLAFIN-BE",
    ]
    assert not flaws.told


def test_a_stock_in_one_series_has_its_short_name_whatever_that_is() -> None:
    (found,), _ = read(csv_of({**INFY, "optiontype": "BE"}))

    assert (found.symbol, found.is_trade_to_trade) == ("INFY", True)


def test_which_series_has_the_short_name_does_not_depend_on_the_order_of_the_rows() -> None:
    listed = [
        {**INFY, "scripcode": "2", "optiontype": "N2"},
        {**INFY, "scripcode": "1", "optiontype": "N1"},
    ]
    for order in (listed, listed[::-1]):
        found, _ = read(csv_of(*order))
        assert {one.token: one.symbol for one in found} == {"1": "INFY", "2": "INFY-N2"}


def test_a_symbol_that_is_taken_is_left_out() -> None:
    twice = {**OPTION, "scripcode": "50000"}
    name = {**INFY, "scripshortname": "INFY-N2", "scripcode": "3"}
    series = {**INFY, "scripcode": "4", "optiontype": "N2"}
    found, flaws = read(csv_of(OPTION, twice, INFY, series, name))

    assert [one.key for one in found] == ["NSEFO:43215", "NSE:1594", "NSE:3"]
    assert [(flaw.line, flaw.code) for flaw in flaws.told] == [
        (3, "DUPLICATE_SYMBOL"),
        (5, "DUPLICATE_SYMBOL"),
    ]


def test_columns_may_stand_anywhere_and_others_are_passed_over() -> None:
    columns = [*COLUMNS[::-1], "ultoken"]
    (found,), flaws = read(csv_of({**INFY, "ultoken": "26000"}, columns=columns))

    assert (found.key, flaws.told) == ("NSE:1594", [])


def test_a_file_may_lack_what_is_optional() -> None:
    columns = [one for one in COLUMNS if one not in rows.OPTIONAL]
    (found,), _ = read(csv_of(INFY, columns=columns))

    assert (found.isin, found.name, found.freeze_quantity) == ("", "", 0)


@pytest.mark.parametrize("column", rows.REQUIRED)
def test_a_file_without_a_column_that_must_be_is_refused(column: str) -> None:
    fault = _fault(csv_of(INFY, columns=[one for one in COLUMNS if one != column]))

    assert (fault.code, fault.line, fault.column) == (ImportCode.MISSING_COLUMN, 1, column)


def test_a_column_that_comes_twice_is_refused() -> None:
    fault = _fault(csv_of(INFY, columns=[*COLUMNS, "ticksize"]))

    assert (fault.code, fault.column) == (ImportCode.DUPLICATE_COLUMN, "ticksize")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"1,NSE", "WRONG_FIELD_COUNT"),
        (b'1,"NSE', "BAD_CSV"),
        (b"1,\xff,", "NOT_UTF8"),
        (b"1,\0,", "EMBEDDED_NUL"),
        (b"x" * (table.LINE_BYTES_MAX + 1), "LINE_TOO_LONG"),
    ],
)
def test_a_line_that_cannot_be_read_costs_that_line_only(line: bytes, code: str) -> None:
    content = csv_of(INFY) + line + b"\n\n" + csv_of(OPTION).split(b"\r\n")[1]
    found, flaws = read(content)

    assert [one.exchange for one in found] == ["NSE", "NSEFO"]
    assert [(flaw.line, flaw.code) for flaw in flaws.told] == [(3, code)]


def test_a_quoted_field_may_have_a_comma() -> None:
    (found,), _ = read(csv_of({**INFY, "scripfullname": '"INFOSYS, LTD"'}))

    assert found.name == "INFOSYS, LTD"


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert len(read(b"\xef\xbb\xbf" + csv_of(INFY))[0]) == 1


def test_json_has_the_circuit_prices_and_no_number_becomes_a_float() -> None:
    row: dict[str, object] = {**INFY, "scripcode": 1594, "marketlot": 1, "expirydate": None}
    row |= {"issuspended": False, "lowercircuitprice": "@low", "uppercircuitprice": "@high"}
    content = json_of(row).replace(b'"@low"', b"1370.1").replace(b'"@high"', b"900719925.47409931")
    (found,), flaws = read(content)

    assert not flaws.told
    assert (found.token, found.lot_size) == ("1594", whole(1))
    assert found.band_low == parse_fixed("1370.1")
    assert found.band_high == parse_fixed("900719925.47409931")


def test_a_bare_array_is_json_as_well() -> None:
    assert [one.key for one in read(msgspec.json.encode([INFY, FUTURE]))[0]] == [
        "NSE:1594",
        "MCX:991",
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"marketlot": 1.5e300}, "BAD_NUMBER"),
        ({"marketlot": [1]}, "BAD_TEXT"),
        ({"scripname": {"a": 1}}, "BAD_TEXT"),
        ({"lowercircuitprice": "2", "uppercircuitprice": "1"}, "BAD_BAND"),
    ],
)
def test_an_object_that_is_no_instrument_is_left_out_with_its_number(
    change: dict[str, object], code: str
) -> None:
    found, flaws = read(json_of({**FUTURE}, {**INFY, **change}))

    assert [one.exchange for one in found] == ["MCX"]
    assert [(flaw.line, flaw.code) for flaw in flaws.told] == [(2, code)]


def test_an_object_without_a_field_that_must_be_is_left_out() -> None:
    _, flaws = read(b'[{"scripcode": 1}, 7]')

    assert [(flaw.line, flaw.code) for flaw in flaws.told] == [
        (1, "MISSING_COLUMN"),
        (2, "BAD_JSON"),
    ]


@pytest.mark.parametrize(
    "content", [b"{", b'{"data": 1}', b"[1,", b'{"data": [' + b"[" * 100_000, b'["\xff"]x']
)
def test_json_that_is_none_is_refused(content: bytes) -> None:
    assert _fault(content).code is ImportCode.BAD_JSON


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "ROWS_MAX", 1)

    assert _fault(csv_of(INFY, OPTION)).code is ImportCode.TOO_MANY_ROWS
    assert _fault(json_of({**INFY}, {**OPTION})).code is ImportCode.TOO_MANY_ROWS


def test_too_many_exchanges_are_refused() -> None:
    letters = "ABCDEFGHIJKLM"
    names = [first + second for first in letters for second in letters][:65]

    fault = _fault(csv_of(*({**INFY, "exchangename": name} for name in names)))

    assert (fault.code, fault.line) == (ImportCode.TOO_MANY_EXCHANGES, 66)


def test_the_first_flaws_are_told_and_all_are_counted() -> None:
    bad = {**INFY, "marketlot": "0"}
    _, flaws = read(csv_of(*[bad] * (FLAWS_TOLD + 5)))

    assert len(flaws.told) == FLAWS_TOLD
    assert flaws.counts == {"NOT_POSITIVE": FLAWS_TOLD + 5}
    assert flaws.first_left_out == "NOT_POSITIVE, line 2, marketlot"
