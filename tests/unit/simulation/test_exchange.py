"""The stub exchange: what each kind does with tags, and a ledger that is right whatever happens."""

from collections.abc import Callable

import msgspec
import pytest

from phalanx.brokers.port import CancelRequest, PlaceRequest, ReplaceRequest
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import whole
from phalanx.domain.orders import (
    ExecType,
    ExecutionReport,
    OrdStatus,
    OrdType,
    Product,
    Side,
    TimeInForce,
)
from phalanx.domain.time import HOUR
from phalanx.simulation.exchange import Code, StubExchange
from tests.fakes.clock import START, ManualClock

D, L, N = BrokerKind.REFUSES_DUPLICATES, BrokerKind.LOOK_UP, BrokerKind.NO_TAG
TAG = "AA00000001"
INFY = "NSE:1"


def order(
    tag: str = TAG, quantity: int = 10, side: Side = Side.BUY, account: str = "A"
) -> PlaceRequest:
    return PlaceRequest(
        tag,
        account,
        INFY,
        side,
        Product.DELIVERY,
        OrdType.LIMIT,
        TimeInForce.DAY,
        whole(quantity),
        whole(100),
    )


class Venue:
    """An exchange with one account of 10,000 in cash, and everything that it reported."""

    def __init__(self, kind: BrokerKind = L, charge_bps: int = 0) -> None:
        self.clock = ManualClock()
        self.exchange = StubExchange("X", kind, self.clock, charge_bps=charge_bps)
        self.reports: list[ExecutionReport] = []
        self.exchange.listeners.append(self.reports.append)
        self.exchange.open("A", whole(10_000))

    def placed(self, request: PlaceRequest | None = None) -> str:
        reply = self.exchange.place(request or order())
        assert reply.accepted
        return reply.order_id

    @property
    def said(self) -> list[ExecType]:
        return [report.exec_type for report in self.reports]


# --- kinds ---------------------------------------------------------------------------------------


def test_kind_d_refuses_a_used_tag_for_ever() -> None:
    venue = Venue(D)
    venue.exchange.fill(venue.placed(), whole(10), whole(100))
    venue.exchange.end_day()
    venue.exchange.begin_day()

    again = venue.exchange.place(order())

    assert (again.accepted, again.code) == (False, Code.DUPLICATE_TAG)
    assert len(venue.exchange.taken[TAG]) == 1


@pytest.mark.parametrize("kind", [L, N])
def test_the_other_kinds_take_an_order_twice_and_the_judges_know(kind: BrokerKind) -> None:
    venue = Venue(kind)

    one, other = venue.placed(), venue.placed()

    assert one != other
    assert [taken.order_id for taken in venue.exchange.taken[TAG]] == [one, other]


@pytest.mark.parametrize(("kind", "tag"), [(D, TAG), (L, TAG), (N, "")])
def test_a_tag_is_shown_where_it_is_kept(kind: BrokerKind, tag: str) -> None:
    venue = Venue(kind)
    order_id = venue.placed()
    venue.exchange.fill(order_id, whole(1), whole(100))

    book = venue.exchange.book("A")

    assert [shown.cl_ord_id for shown in book.orders] == [tag]
    assert [trade.cl_ord_id for trade in book.trades] == [tag]
    assert {(report.cl_ord_id, report.account) for report in venue.reports} == {(tag, "A")}
    assert venue.exchange.order(order_id).tag == TAG


def test_who_sent_what_is_remembered() -> None:
    venue = Venue()
    venue.exchange.place(order(), "process 3")

    (taken,) = venue.exchange.taken[TAG]

    assert (taken.sender, taken.account, taken.time) == ("process 3", "A", START)


# --- requests ------------------------------------------------------------------------------------


def test_an_account_that_it_does_not_have_is_refused() -> None:
    venue = Venue()

    reply = venue.exchange.place(order(account="B"))

    assert (reply.accepted, reply.code) == (False, Code.UNKNOWN_ACCOUNT)
    assert venue.exchange.refusals == {Code.UNKNOWN_ACCOUNT: 1}
    assert not venue.exchange.taken


def test_orders_can_be_refused() -> None:
    venue = Venue()
    venue.exchange.refuse_next = 1

    assert venue.exchange.place(order()).code == Code.REJECTED
    assert venue.exchange.place(order()).accepted
    assert venue.said == [ExecType.NEW]


@pytest.mark.parametrize(
    ("kind", "order_id", "found"),
    [(L, "X-1", True), (L, "", True), (N, "X-1", True), (N, "", False), (L, "X-9", False)],
)
def test_an_order_is_found_by_its_id_and_by_a_tag_that_is_kept(
    kind: BrokerKind, order_id: str, found: bool
) -> None:
    venue = Venue(kind)
    venue.placed()

    reply = venue.exchange.cancel(CancelRequest("R1", TAG, order_id, "A"))

    assert reply.accepted is found
    assert reply.code == ("" if found else Code.UNKNOWN_ORDER)
    assert venue.said == [ExecType.NEW, ExecType.CANCELED][: 1 + found]


def test_nobody_cancels_the_orders_of_another_account() -> None:
    venue = Venue()
    venue.exchange.open("B", 0)
    order_id = venue.placed()

    assert venue.exchange.cancel(CancelRequest("R1", TAG, order_id, "B")).code == Code.UNKNOWN_ORDER


def test_what_has_ended_cannot_be_cancelled_or_changed() -> None:
    venue = Venue()
    order_id = venue.placed()
    venue.exchange.fill(order_id, whole(10), whole(100))

    cancel = venue.exchange.cancel(CancelRequest("R1", TAG, order_id, "A"))
    change = venue.exchange.replace(ReplaceRequest("R2", TAG, order_id, "A", whole(20), whole(100)))

    assert cancel.code == change.code == Code.TOO_LATE
    assert venue.exchange.order(order_id).status is OrdStatus.FILLED


def test_an_order_changes_to_no_less_than_what_is_filled() -> None:
    venue = Venue()
    order_id = venue.placed()
    venue.exchange.fill(order_id, whole(4), whole(100))

    less = venue.exchange.replace(ReplaceRequest("R1", TAG, order_id, "A", whole(4), whole(100)))
    more = venue.exchange.replace(ReplaceRequest("R2", TAG, order_id, "A", whole(5), whole(99)))

    assert (less.code, more.accepted) == (Code.TOO_LATE, True)
    (shown,) = venue.exchange.book("A").orders
    assert (shown.quantity, shown.cum_quantity, shown.limit) == (whole(5), whole(4), whole(99))
    report = venue.reports[-1]
    assert (report.exec_type, report.quantity, report.price) == (
        ExecType.REPLACED,
        whole(5),
        whole(99),
    )


# --- the ledger ----------------------------------------------------------------------------------


def test_a_fill_moves_position_and_cash_and_is_told_in_full() -> None:
    venue = Venue(charge_bps=10)
    order_id = venue.placed()

    venue.exchange.fill(order_id, whole(4), whole(100))
    venue.exchange.fill(order_id, whole(6), whole(99))

    book = venue.exchange.book("A")
    assert [(p.instrument, p.product, p.quantity) for p in book.positions or ()] == [
        (INFY, Product.DELIVERY, whole(10))
    ]
    charges = sum(trade.charges for trade in book.trades)
    assert charges == whole(994) // 1_000
    assert book.cash == whole(10_000) - whole(994) - charges
    part, rest = venue.reports[1:]
    assert (part.last_quantity, part.last_price, part.cum_quantity) == (
        whole(4),
        whole(100),
        whole(4),
    )
    assert (rest.last_quantity, rest.cum_quantity) == (whole(6), whole(10))
    assert {part.exec_id, rest.exec_id} == {trade.exec_id for trade in book.trades}
    assert len({trade.exec_id for trade in book.trades}) == 2


def test_what_is_sold_and_not_there_shows_as_a_short_position() -> None:
    venue = Venue()
    venue.exchange.fill(venue.placed(order(side=Side.SELL)), whole(10), whole(100))

    book = venue.exchange.book("A")

    assert [position.quantity for position in book.positions or ()] == [whole(-10)]
    assert book.cash == whole(11_000)


def test_a_position_that_is_closed_is_not_shown() -> None:
    venue = Venue()
    for side in Side:
        venue.exchange.fill(venue.placed(order(f"AA{side:08}", side=side)), whole(10), whole(100))

    assert venue.exchange.book("A").positions == ()
    assert venue.exchange.book("A").cash == whole(10_000)


def test_no_more_is_filled_than_was_ordered() -> None:
    venue = Venue()
    order_id = venue.placed()

    with pytest.raises(AssertionError, match="only so much"):
        venue.exchange.fill(order_id, whole(11), whole(100))


def test_somebody_else_trades_without_a_tag() -> None:
    venue = Venue()
    terms = (INFY, Side.BUY, Product.DELIVERY, whole(3), whole(100))

    traded = venue.exchange.trade("A", *terms)
    working = venue.exchange.order_outside("A", *terms)

    assert [o.order_id for o in venue.exchange.working("A")] == [working]
    assert venue.exchange.order(traded).status is OrdStatus.FILLED
    assert {report.cl_ord_id for report in venue.reports} == {""}
    assert not venue.exchange.taken
    assert venue.exchange.book("A").cash == whole(9_700)


# --- ends ----------------------------------------------------------------------------------------


End = Callable[[StubExchange, str], None]


@pytest.mark.parametrize(
    ("end", "status", "told"),
    [
        (StubExchange.cancel_outside, OrdStatus.CANCELED, ExecType.CANCELED),
        (StubExchange.reject_later, OrdStatus.REJECTED, ExecType.REJECTED),
        (lambda exchange, _: exchange.end_day(), OrdStatus.EXPIRED, ExecType.EXPIRED),
    ],
    ids=["cancelled by somebody", "rejected later", "end of day"],
)
def test_an_order_can_end_by_no_doing_of_ours(end: End, status: OrdStatus, told: ExecType) -> None:
    venue = Venue()
    order_id = venue.placed()
    venue.exchange.fill(order_id, whole(1), whole(100))

    end(venue.exchange, order_id)

    assert venue.exchange.working() == []
    assert venue.exchange.book("A").orders[0].status is status
    assert (venue.said[-1], venue.reports[-1].cum_quantity) == (told, whole(1))
    with pytest.raises(AssertionError, match="has ended"):
        venue.exchange.cancel_outside(order_id)


def test_a_day_that_ended_is_shown_until_the_next_one_begins_and_then_nothing_of_it() -> None:
    venue = Venue()
    filled = venue.placed()
    venue.exchange.fill(filled, whole(10), whole(100))
    venue.exchange.end_day()
    todays = venue.placed(order("AA00000002"))
    venue.exchange.fill(todays, whole(1), whole(100))
    shown = venue.exchange.book("A")

    venue.exchange.begin_day()

    book = venue.exchange.book("A")
    assert [one.order_id for one in shown.orders] == [filled, todays]
    assert [one.order_id for one in book.orders] == [todays]
    assert [one.order_id for one in shown.trades] == [filled, todays]
    assert [one.order_id for one in book.trades] == [todays]
    assert book.cash == shown.cash == whole(8_900)
    assert [o.tag for o in venue.exchange.orders()] == [TAG, "AA00000002"]
    assert len(venue.exchange.accounts["A"].executions) == 2


def test_its_clock_is_its_own() -> None:
    venue = Venue()
    venue.exchange.skew = -HOUR

    assert venue.exchange.book("A").time == START - HOUR
    assert msgspec.structs.astuple(venue.exchange.book("A"))[0] == "A"
