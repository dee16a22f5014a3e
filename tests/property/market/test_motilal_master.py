"""Any bytes are instruments or a declared refusal; what is read can be kept and read again."""

from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.instruments import InstrumentIndex
from phalanx.market.daily import replaced
from phalanx.market.flaws import Flaws
from phalanx.market.master import read_instruments
from phalanx.market.motilal_master import read_master
from phalanx.market.table import ImportFault
from tests.unit.market.motilal_master.scrip_master import (
    COLUMNS,
    FUTURE,
    INFY,
    OPTION,
    csv_of,
    json_of,
)

HEADER = csv_of()
ODD = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1e9",
        "NaN",
        "NA",
        " ",
        "Y",
        "N",
        "XX",
        "FF",
        "CE",
        "1,2",
        '"',
        '""',
        "\0",
        "=1",
    ]
)
CELLS = st.one_of(ODD, st.text(max_size=12), st.integers().map(str), st.floats().map(str))
ROWS = st.builds(
    lambda row, column, cell: {**row, column: cell},
    st.sampled_from([INFY, OPTION, FUTURE]),
    st.sampled_from(COLUMNS),
    CELLS,
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.text(max_size=8), CELLS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=3,
)
OBJECTS = st.builds(
    lambda row, column, value: {**row, column: value},
    st.sampled_from([INFY, OPTION, FUTURE]),
    st.sampled_from([*COLUMNS, "lowercircuitprice", "uppercircuitprice"]),
    VALUES,
)


def _check(content: bytes) -> None:
    flaws = Flaws()
    try:
        found = read_master(content, flaws)
    except ImportFault:
        return
    assert len({one.key for one in found}) == len(found)
    assert len({(one.exchange, one.symbol) for one in found}) == len(found)
    assert len(flaws.told) <= sum(flaws.counts.values())
    if not found:
        return
    after = replaced(InstrumentIndex(()), found, {})
    assert after.content is not None
    assert read_instruments(after.content) == list(after.index)
    assert {one.key: one for one in after.index} == {one.key: one for one in found}


@given(st.binary(max_size=400))
def test_any_bytes(content: bytes) -> None:
    _check(content)


@given(st.binary(max_size=300))
def test_any_bytes_under_a_header(content: bytes) -> None:
    _check(HEADER + content)


@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 8))
def test_a_file_that_was_cut_and_overwritten(noise: bytes, at: int, lost: int) -> None:
    good = csv_of(INFY, OPTION, FUTURE)
    _check(good[:at] + noise + good[at + lost :])


@given(st.lists(ROWS, max_size=6))
def test_rows_with_any_cell(rows: list[dict[str, str]]) -> None:
    content = csv_of(*rows) if rows else HEADER
    _check(content)


@given(st.lists(OBJECTS, max_size=6))
def test_objects_with_any_value(rows: list[dict[str, object]]) -> None:
    _check(json_of(*rows))


@given(st.lists(ROWS, max_size=8))
def test_every_row_is_an_instrument_or_left_out(rows: list[dict[str, str]]) -> None:
    clean = [
        {column: "".join(c for c in cell if c.isalnum()) for column, cell in row.items()}
        for row in rows
    ]
    flaws = Flaws()
    found = read_master(csv_of(*clean), flaws)

    assert len(found) + flaws.left_out == len(clean)
