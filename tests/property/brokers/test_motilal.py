"""Whatever the broker says is a value or a declared error: no parser ever raises anything else."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.brokers.motilal.books import Client, Said, read_book, read_order
from phalanx.brokers.motilal.credentials import InvalidCredentials, read_credentials
from phalanx.brokers.motilal.endpoints import Path, Scale
from phalanx.brokers.motilal.envelope import BrokerSaidNo, read_envelope, rows_of
from phalanx.brokers.motilal.hearing import Hearing
from phalanx.brokers.motilal.known import KnownOrders
from phalanx.brokers.motilal.orders import modify_body, place_body
from phalanx.brokers.motilal.outcomes import judge
from phalanx.brokers.motilal.questions import broker_time
from phalanx.brokers.motilal.reports import ErrorFrame, read_frame
from phalanx.brokers.motilal.row import BadData, Row, decode
from phalanx.brokers.motilal.rows import cash_of, order_of, positions_of, terms_of, trade_of
from phalanx.brokers.motilal.terms import motilal_capabilities
from phalanx.brokers.motilal.times import parse_time, session_end
from phalanx.brokers.port import Accepted, PlaceRequest, Refused, ReplaceRequest, Unknown
from phalanx.brokers.wire import Answer
from phalanx.domain.numbers import FIXED_MAX, SCALE, parse_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import Reason
from phalanx.domain.secrets import Secret
from phalanx.domain.time import DAY, HOUR
from tests.fakes.clock import ManualClock
from tests.unit.brokers.motilal.samples import (
    FUTURE,
    HOLDING,
    IDBI,
    INSTRUMENTS,
    MARGIN,
    ORDER,
    POSITION,
    TRADE,
    order,
)

TABLE = motilal_capabilities()
SAMPLES = (ORDER, TRADE, POSITION, HOLDING, *MARGIN)
NAMES = sorted({name for sample in SAMPLES for name in sample} | {"status", "errorcode", "data"})

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["0", "null", "Traded", "NSE", "Buy", "DELIVERY", "14-Feb-2023 10:52:50", "1e99"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
changes = st.dictionaries(st.sampled_from(NAMES), anything, max_size=4)


def changed(sample: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A row of which some fields are anything, and some are not there."""
    left_out = st.sets(st.sampled_from(sorted(sample)), max_size=3)
    return st.builds(
        lambda new, gone: {k: v for k, v in (sample | new).items() if k not in gone or k in new},
        changes,
        left_out,
    )


def row_of(fields: dict[str, Any]) -> Row:
    """Through the wire, where JSON can be made of it: half a surrogate pair cannot come from there."""
    found = decode(json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace"))
    assert isinstance(found, dict)
    return Row(found)


READERS: dict[str, tuple[dict[str, Any], Callable[[Row], object]]] = {
    "order": (ORDER, lambda row: order_of(row, "A")),
    "terms": (ORDER, terms_of),
    "trade in the book": (TRADE, lambda row: trade_of(row, "A", Scale.BY_PRECISION, 0, SCALE)),
    "trade in a frame": (TRADE, lambda row: trade_of(row, "A", Scale.RUPEES, 0)),
    "position": (POSITION, lambda row: positions_of([row], [], "AA020")),
    "holding": (HOLDING, lambda row: positions_of([], [row], "AA020")),
    "margin": (MARGIN[0], lambda row: cash_of([row])),
}


@pytest.mark.parametrize(("sample", "read"), list(READERS.values()), ids=list(READERS))
@given(data=st.data())
def test_a_row_is_read_or_refused(
    sample: dict[str, Any], read: Callable[[Row], object], data: st.DataObject
) -> None:
    row = row_of(data.draw(changed(sample)))
    with suppress(BadData):
        read(row)


@given(changed(ORDER))
def test_no_number_of_an_order_is_beyond_what_we_can_hold(fields: dict[str, Any]) -> None:
    try:
        found = order_of(row_of(fields), "A")
    except BadData:
        return
    assert 0 <= found.quantity <= FIXED_MAX
    assert 0 <= found.cum_quantity <= FIXED_MAX
    assert 0 <= found.limit <= FIXED_MAX
    assert 0 <= found.time <= FIXED_MAX


@given(changed(TRADE), st.sampled_from(Scale))
def test_no_number_of_a_trade_is_beyond_what_we_can_hold(
    fields: dict[str, Any], scale: Scale
) -> None:
    try:
        found = trade_of(row_of(fields), "A", scale, 0)
    except BadData:
        return
    assert 0 < found.quantity <= FIXED_MAX
    assert 0 < found.price <= FIXED_MAX
    assert 0 <= found.time <= FIXED_MAX


bodies = st.binary(max_size=60) | st.one_of(
    st.builds(lambda value: json.dumps(value).encode(), anything),
    st.builds(lambda value: json.dumps({"status": "SUCCESS"} | value).encode(), changes),
)


@given(bodies)
def test_an_envelope_is_read_or_refused(body: bytes) -> None:
    with suppress(BadData, BrokerSaidNo):
        rows_of(read_envelope(body), "MO1013")


@given(st.integers(100, 599), bodies, st.sampled_from(["", "7AA020"]))
def test_an_answer_to_an_order_is_one_of_three(status: int, body: bytes, order_id: str) -> None:
    found = judge(Answer(status, body), TABLE, order_id).outcome

    assert isinstance(found, Accepted | Refused | Unknown)
    if isinstance(found, Accepted):
        assert status == 200
        assert found.order_id
    if isinstance(found, Refused):
        assert found.code in TABLE.definite_codes


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60), changed(ORDER), changed(TRADE)))
def test_a_frame_is_read_or_refused(said: str | bytes | dict[str, Any]) -> None:
    hearing = Hearing(KnownOrders(), lambda _key: SCALE, ManualClock())
    text = json.dumps(said) if isinstance(said, dict) else said
    with suppress(BadData):
        frame = read_frame(text)
        if frame is not None and not isinstance(frame, ErrorFrame):
            for report in hearing.reports(frame, "A"):
                assert report.account == "A"
                assert 0 <= report.cum_quantity <= FIXED_MAX


@given(st.data())
async def test_a_book_is_whole_or_an_os_error(data: st.DataObject) -> None:
    samples = {
        Path.ORDER_BOOK: ORDER,
        Path.TRADE_BOOK: TRADE,
        Path.POSITIONS: POSITION,
        Path.HOLDINGS: HOLDING,
        Path.MARGIN: MARGIN[0],
        Path.ORDER_DETAIL: ORDER,
    }

    async def ask(path: Path, _body: bytes) -> Said:
        rows = data.draw(st.lists(changed(samples[path]), max_size=2) | anything)
        envelope = {"status": "SUCCESS", "data": rows}
        text = json.dumps(envelope, ensure_ascii=False).encode("utf-8", "replace")
        return Said(read_envelope(text), 0)

    client = Client("A", "AA020")
    with suppress(OSError):
        reading = await read_book(ask, client, 0, lambda _key: SCALE)
        assert len(reading.terms) == len(reading.book.orders)
        await read_order(ask, client, "1000001AA020")


@given(st.text(max_size=30))
def test_a_time_is_read_or_refused(text: str) -> None:
    with suppress(BadData):
        assert parse_time(text) >= 0
    assert broker_time(text) >= 0


@given(st.integers(0, 10**19 // 2))
def test_a_session_ends_within_a_day_and_always_at_six(now: int) -> None:
    end = session_end(now)

    assert now < end <= now + DAY
    assert (end + 5 * HOUR + HOUR // 2) % DAY == 6 * HOUR


FIELDS = ("user", "password", "api_key", "api_secret", "second_factor", "totp_seed")


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=40)))
def test_credentials_are_read_or_refused_without_a_value(fields: dict[str, str]) -> None:
    said = ""
    try:
        read_credentials({name: Secret(value) for name, value in fields.items()})
    except InvalidCredentials as failure:
        said = str(failure)
    assert said.partition(": ")[2] in ("", *FIELDS)


requests = st.builds(
    lambda instrument, **terms: msgspec.structs.replace(order(instrument=instrument), **terms),
    st.sampled_from([IDBI, FUTURE]),
    side=st.sampled_from(Side),
    product=st.sampled_from(Product),
    ord_type=st.sampled_from(OrdType),
    time_in_force=st.sampled_from(TimeInForce),
    quantity=st.integers(0, 10**6).map(whole) | st.integers(0, FIXED_MAX),
    limit=st.integers(1, 10**12).map(lambda steps: steps * 10_000) | st.integers(0, FIXED_MAX),
    stop_price=st.integers(0, 10**6).map(whole),
)


@given(requests)
def test_what_is_written_comes_to_the_very_quantity_and_price(request: PlaceRequest) -> None:
    instrument = INSTRUMENTS[request.instrument]
    body = place_body(request, instrument, "77")
    if isinstance(body, Reason):
        return
    said = json.loads(body, parse_float=str, parse_int=str)
    assert int(said["quantityinlot"]) * instrument.lot_size == request.quantity
    assert parse_fixed(said["price"]) == request.limit
    assert said["ordertype"] != "MARKET"
    assert said["amoorder"] == "N"


@given(st.integers(-FIXED_MAX, FIXED_MAX), st.integers(-FIXED_MAX, FIXED_MAX), changed(ORDER))
def test_a_modify_is_written_exactly_or_not_at_all(
    quantity: int, limit: int, fields: dict[str, Any]
) -> None:
    try:
        terms = terms_of(row_of(fields))
    except BadData:
        return
    request = ReplaceRequest("R1", "K", "7AA020", "A", quantity, limit)
    body = modify_body(request, terms, IDBI.lot_size)
    if isinstance(body, Reason):
        return
    said = json.loads(body, parse_float=str, parse_int=str)
    assert whole(int(said["newquantityinlot"])) == quantity
    assert parse_fixed(said["newprice"]) == limit
    assert said["lastmodifiedtime"] == terms.modified
