"""Last year's journal must still replay: what is pinned here may be added to, never changed."""

import inspect
from collections.abc import Iterator
from enum import Enum
from typing import get_args

import msgspec
import pytest

from phalanx.domain import events
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import FIXED_MAX
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode

LAYOUT = """
DeskFounded/1 time desk_id shard
TermBegan/2 time epoch version doubted
InstrumentsLoaded/3 time origin sha256 count name
LocalInstrumentPut/4 time origin instrument
ClientPut/5 time origin client
AccountPut/6 time origin account
CashAdjusted/7 time origin book amount note
StrategyPut/8 time origin strategy
SubscriptionPut/9 time origin subscription
SettingsPut/10 time origin settings
InstructionPlanned/11 time instruction_id origin request expires_at instruments orders cancels skips\
 refusal note hops seed
OrdersDispatched/12 time cl_ord_ids epoch deadline attempt
OrderReported/13 time cl_ord_id status cum_quantity last_quantity report reason flag children hops
OrderDoubted/14 time cl_ord_id text hops
OrderEnded/15 time cl_ord_id status reason
CancelRequested/16 time origin request_id cl_ord_id
ReplaceRequested/17 time origin request_id cl_ord_id quantity price hold
RequestDispatched/18 time cl_ord_id request_id kind epoch deadline
RequestEnded/19 time cl_ord_id request_id reason
RequestDoubted/20 time cl_ord_id request_id text
KillPut/21 time origin account note
KillLifted/22 time origin account note
OrdersRetired/23 time cl_ord_ids
DayRolled/24 time day
KeysForgotten/25 time count
DispatchLapsed/26 time cl_ord_ids
AccessRecorded/60 time origin act subject
SignalRequest/1 strategy instrument side
OrderRequest/2 client account instrument side product ord_type quantity price time_in_force
Origin actor door request_id idempotency_key fingerprint
Instrument key exchange token symbol instrument_type lot_size tick_size isin currency freeze_quantity\
 band_low band_high tradable series expiry strike right
InstrumentFacts key symbol isin lot_size tick_size band_low band_high last quote_source protected_buy\
 protected_sell
Client id name active created_at
Account id client_id broker login mode enabled primary currency charge_bps rate_limit fill_profile\
 reserve
RateLimit count window_ms reserved
FillProfile ack_delay_ms fill_duration_ms filled_bps slices slippage_bps reject_bps seed
Strategy name instruments enabled
Subscription account strategy instruments sizing product ord_type sell_scope enabled
SizingRule sizing amount
RiskSettings quantity_max value_max band_bps distance_bps protection_bps stale_after_s\
 open_orders_max orders_per_day_max duplicate_window_s signal_expires_s order_expires_s\
 send_timeout_s retire_after_s terminal_orders_max keys_retain_s keys_max zone_offset_s
OrderDraft cl_ord_id book instrument side product ord_type time_in_force quantity limit hold strategy\
 closes reduce_only stop_price
Closing lot quantity
CancelDraft request_id cl_ord_id book unsent
Skip account reason
Reason code facts
Hops received planned held committed waited sent acknowledged
ExecutionReport cl_ord_id exec_type order_id exec_id cum_quantity last_quantity last_price charges\
 text time quantity price
"""

VALUES = {
    "Side": "BUY=1 SELL=2",
    "OrdType": "MARKET=1 LIMIT=2 STOP=3 STOP_LIMIT=4",
    "TimeInForce": "DAY=0 IOC=3",
    "Product": "DELIVERY=1 INTRADAY=2 MTF=3",
    "OrdStatus": (
        "HELD=1 PENDING_NEW=2 SENT=3 NEW=4 PARTIALLY_FILLED=5 FILLED=6 PENDING_CANCEL=7 CANCELED=8"
        " PENDING_REPLACE=9 REJECTED=10 EXPIRED=11 IN_DOUBT=12 NOT_RECEIVED=13"
    ),
    "ExecType": (
        "NEW=1 TRADE=2 CANCELED=3 REJECTED=4 EXPIRED=5 REPLACED=6 CANCEL_REJECTED=7"
        " REPLACE_REJECTED=8"
    ),
    "RequestKind": "CANCEL=1 REPLACE=2",
    "QuoteSource": "CLOSE=1 SYNTHETIC=2 FEED=3",
    "Mode": "PAPER=1 LIVE=2",
    "Sizing": "FIXED_QUANTITY=1 FIXED_CASH=2 CASH_SHARE=3",
    "SellScope": "ACCOUNT=1 STRATEGY=2",
    "Door": "CREATE_ORDER=create_order INSTRUCTIONS=instructions ORDERS=orders KILL=kill"
    " IMPORT=import DESK=desk",
    "Act": "LOGIN=login LOGIN_FAILED=login_failed LOGIN_THROTTLED=login_throttled LOGOUT=logout"
    " SESSION_ENDED=session_ended REFRESH_REUSED=refresh_reused"
    " PASSWORD_CHANGED=password_changed PASSWORD_RESET=password_reset",
}


def journaled(kind: object, seen: dict[str, type]) -> Iterator[type]:
    """Every struct and enum that an event can contain."""
    if inspect.isclass(kind) and kind.__name__ not in seen:
        seen[kind.__name__] = kind
        if issubclass(kind, msgspec.Struct):
            yield kind
            for field in msgspec.structs.fields(kind):
                yield from journaled(field.type, seen)
        elif issubclass(kind, Enum):
            yield kind
    for part in get_args(kind):
        yield from journaled(part, seen)


KINDS = {kind.__name__: kind for kind in journaled(events.Event, {})}


def shape(kind: type) -> str:
    assert issubclass(kind, msgspec.Struct)
    tag = kind.__struct_config__.tag
    name = kind.__name__ if tag is None else f"{kind.__name__}/{tag}"
    return " ".join((name, *kind.__struct_fields__))


@pytest.mark.parametrize("line", LAYOUT.strip().splitlines(), ids=lambda line: line.split()[0])
def test_fields_are_only_added_at_the_end_and_with_defaults(line: str) -> None:
    kind = KINDS[line.split(maxsplit=1)[0].split("/", maxsplit=1)[0]]
    now = shape(kind)

    assert f"{now} ".startswith(f"{line} ")
    added = msgspec.structs.fields(kind)[len(line.split()) - 1 :]
    assert all(not field.required for field in added)


@pytest.mark.parametrize("name", VALUES)
def test_numbers_of_a_word_never_change(name: str) -> None:
    kind = KINDS[name]
    assert issubclass(kind, Enum)
    now = [f"{member.name}={member.value}" for member in kind]

    assert now[: len(VALUES[name].split())] == VALUES[name].split()


def test_no_tag_is_used_twice_and_every_event_has_one() -> None:
    tags = [kind.__struct_config__.tag for kind in get_args(events.Event)]

    assert len(set(tags)) == len(tags)
    assert all(isinstance(tag, int) for tag in tags)
    assert set(range(1, 27)) <= set(tags)


def test_every_event_begins_with_its_time() -> None:
    assert {kind.__struct_fields__[0] for kind in get_args(events.Event)} == {"time"}


def test_a_record_of_events_is_read_back_as_it_was_written() -> None:
    origin = Origin("local", Door.ORDERS, "r1", "k", b"\x00\xff")
    report = ExecutionReport("AA00000001", ExecType.TRADE, "B1", "E1", FIXED_MAX, 1, 5, -3, "ü")
    written: list[events.Event] = [
        events.DeskFounded(1, "AA", 0),
        events.CashAdjusted(2, origin, "A1/P", -FIXED_MAX, "fees"),
        events.OrderReported(
            3,
            "AA00000001",
            OrdStatus.FILLED,
            FIXED_MAX,
            1,
            report,
            Reason(ReasonCode.LOT_MULTIPLE, (3, "x")),
        ),
    ]

    body = events.join_events([events.encode_event(event) for event in written], len(written))

    assert events.decode_events(body) == written


def test_what_has_defaults_may_be_missing_in_an_old_record() -> None:
    whole = msgspec.msgpack.decode(
        events.encode_event(events.OrderDoubted(5, "AA00000001", "time-out"))
    )
    old = msgspec.msgpack.encode([whole[:4]])

    assert events.decode_events(old) == [events.OrderDoubted(5, "AA00000001", "time-out")]


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x91\x92\x63\x01", b"\x80", b"\xdd\x00\x00\x00\x02\x92\x18\x01"]
)
def test_anything_else_is_not_a_record(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        events.decode_events(body)
