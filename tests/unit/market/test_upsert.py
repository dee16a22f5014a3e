import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.instruments import Instrument, InstrumentIndex, instrument_key
from phalanx.domain.numbers import FIXED_MAX, whole
from phalanx.market.master import read_index, read_instruments
from phalanx.market.shipped import INSTRUMENTS, shipped_file
from phalanx.market.table import ImportCode, ImportFault
from phalanx.market.upsert import merge, upsert, write_instruments


def _one(symbol: str, token: str, exchange: str = "NSE") -> Instrument:
    key = instrument_key(exchange, token)
    return Instrument(key, exchange, token, symbol, "EQ", whole(1), whole(1))


A, B, C = _one("A", "1"), _one("B", "2"), _one("C", "3")
BEFORE = InstrumentIndex([A, B, C], {"AY": "A"}, "ab" * 32)

_INNER = "".join(chr(code) for code in range(33, 127) if chr(code) != ":")
_TOKENS = st.text(_INNER, min_size=1, max_size=64)
_LETTERS = st.sampled_from(string.ascii_letters + string.digits)
_NAMES = st.builds("{}{}{}".format, _LETTERS, st.text(_INNER + " ", max_size=62), _LETTERS)
_WORDS = st.text(string.ascii_uppercase + string.digits + "_-", max_size=8)
_AMOUNTS = st.integers(0, FIXED_MAX)
_POSITIVE = st.integers(1, FIXED_MAX)


@st.composite
def _instruments(draw: st.DrawFn) -> Instrument:
    exchange, token = draw(st.sampled_from(["NSE", "BSE", "BINANCE"])), draw(_TOKENS)
    band_low, band_high = sorted((draw(_AMOUNTS), draw(_AMOUNTS)))
    return Instrument(
        key=instrument_key(exchange, token),
        exchange=exchange,
        token=token,
        symbol=draw(_NAMES),
        instrument_type=draw(_WORDS.filter(bool)),
        lot_size=draw(_POSITIVE),
        tick_size=draw(_POSITIVE),
        isin=draw(st.sampled_from(["", "INE002A01018"])),
        currency=draw(st.sampled_from(["INR", "USD"])),
        freeze_quantity=draw(_AMOUNTS),
        band_low=band_low,
        band_high=band_high,
        tradable=draw(st.booleans()),
        series=draw(_WORDS),
        expiry=draw(st.sampled_from(["", "2026-12-31"])),
        strike=draw(_AMOUNTS),
        right=draw(_WORDS),
    )


_MASTERS = st.lists(
    _instruments(),
    min_size=1,
    max_size=8,
    unique_by=(lambda one: one.key, lambda one: (one.exchange, one.symbol)),
)


@given(_MASTERS)
def test_what_is_written_is_read_back_exactly(master: list[Instrument]) -> None:
    content = write_instruments(master)

    assert read_instruments(content) == master
    assert write_instruments(read_instruments(content)) == content


@given(_MASTERS, _MASTERS)
def test_after_an_import_the_file_is_in_force_and_the_rest_is_untouched(
    before: list[Instrument], update: list[Instrument]
) -> None:
    index = InstrumentIndex(before)
    try:
        after = InstrumentIndex(merge(index, update))
    except ImportFault as fault:
        assert fault.code == ImportCode.DUPLICATE_KEY  # noqa: PT017  most pairs do not clash
        return
    named = {one.key for one in update}

    assert all(after.get(one.key) == one for one in update)
    assert all(after.get(one.key) == one for one in before if one.key not in named)
    assert len(after) == len({one.key for one in before} | named)


def test_only_columns_that_are_used_are_written() -> None:
    halted = msgspec.structs.replace(B, tradable=False, strike=150_000_000)

    assert write_instruments([A]).decode() == (
        "symbol,token_id,exchange,instrument_type,lot_size,tick_size\nA,1,NSE,EQ,1,1\n"
    )
    assert write_instruments([A, halted]).decode() == (
        "symbol,token_id,exchange,instrument_type,lot_size,tick_size,strike,tradable\n"
        "A,1,NSE,EQ,1,1,,true\nB,2,NSE,EQ,1,1,1.5,false\n"
    )


def test_the_shipped_master_survives() -> None:
    content = shipped_file(INSTRUMENTS).read_bytes()

    assert read_instruments(write_instruments(read_instruments(content))) == (
        read_instruments(content)
    )


def test_a_changed_one_keeps_its_place_and_a_new_one_comes_last() -> None:
    changed = msgspec.structs.replace(B, symbol="BB", tradable=False)
    new = _one("D", "4")

    assert merge(BEFORE, [new, changed]) == [A, changed, C, new]


def test_an_upsert_is_a_file_its_index_and_what_changed() -> None:
    changed, new = msgspec.structs.replace(B, lot_size=whole(5)), _one("D", "4")
    after = upsert(BEFORE, [changed, new], BEFORE.aliases)

    assert after.content is not None
    assert read_index(after.content).sha256 == after.index.sha256
    assert list(read_index(after.content)) == list(after.index) == [A, changed, C, new]
    assert after.index.resolve("AY") == A
    assert (after.report.added, after.report.changed) == ((new,), ((B, changed),))
    assert after.report.removed == ()


def test_an_upsert_that_changes_nothing_is_the_master_of_before() -> None:
    after = upsert(BEFORE, [C, A], BEFORE.aliases)

    assert after.content is None
    assert after.index is BEFORE
    assert (after.report.added, after.report.changed) == ((), ())


@pytest.mark.parametrize(
    "update",
    [[_one("A", "9")], [_one("A", "2")], [_one("D", "4"), _one("A", "9")]],
    ids=["new token", "known token", "among others"],
)
def test_a_symbol_that_belongs_to_another_token_is_refused(update: list[Instrument]) -> None:
    with pytest.raises(ImportFault) as caught:
        merge(BEFORE, update)

    assert (caught.value.code, caught.value.column) == (ImportCode.DUPLICATE_KEY, "symbol")
    assert f"'A' of NSE would belong to the tokens 1 and {update[-1].token}" in str(caught.value)


@pytest.mark.parametrize(
    "update",
    [[_one("A", "9"), _one("AOLD", "1")], [_one("AOLD", "1"), _one("A", "9")]],
    ids=["new first", "old first"],
)
def test_a_renumbering_that_renames_the_other_one_is_taken(update: list[Instrument]) -> None:
    index = InstrumentIndex(merge(BEFORE, update))

    assert [index.resolve(name) for name in ("A", "AOLD")] == sorted(
        update, key=lambda one: one.symbol
    )


def test_two_may_swap_their_symbols() -> None:
    swapped = [_one("B", "1"), _one("A", "2")]

    assert merge(BEFORE, swapped) == [*swapped, C]


def test_a_symbol_of_another_exchange_is_nobodys_business() -> None:
    assert merge(BEFORE, [_one("A", "1", "BSE")])[-1].key == "BSE:1"


def test_a_master_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phalanx.market.upsert.ROWS_MAX", 4)
    monkeypatch.setattr("phalanx.market.upsert.EXCHANGES_MAX", 2)

    assert len(merge(BEFORE, [_one("A", "1", "BSE")])) == 4
    with pytest.raises(ImportFault, match="TOO_MANY_ROWS"):
        merge(BEFORE, [_one("D", "4"), _one("E", "5")])
    two = InstrumentIndex([A, _one("A", "1", "BSE")])
    with pytest.raises(ImportFault, match="TOO_MANY_EXCHANGES"):
        merge(two, [_one("A", "1", "MCX")])


def test_a_file_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(write_instruments([A, B]))
    monkeypatch.setattr("phalanx.market.upsert.BYTES_MAX", size)

    assert len(write_instruments([A, B])) == size
    with pytest.raises(ImportFault, match="FILE_TOO_LARGE"):
        write_instruments([A, B, C])
