import msgspec
import pytest

from phalanx.brokers.paper import CAPABILITIES, PaperBroker, RestoredOrder
from phalanx.brokers.paper.book import ENDED_MAX, PaperBook
from phalanx.brokers.port import (
    Accepted,
    BrokerBook,
    NeverWritten,
    PlaceRequest,
    TellsLate,
    Unknown,
)
from phalanx.domain.accounts import FillProfile
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import (
    ExecType,
    ExecutionReport,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import MILLISECOND
from phalanx.market.quotes import QuoteBoard
from tests.fakes.paper import ACCOUNT, FUTURE, PaperWorld, code, order, restored

ID = "AA00000001"
LIMIT = OrdType.LIMIT


async def _world(profile: FillProfile, charge_bps: int = 0) -> PaperWorld:
    world = PaperWorld(profile, charge_bps)
    await world.broker.connect()
    return world


def _ms(count: int) -> int:
    return count * MILLISECOND


# --- answers and their time --------------------------------------------------------------------


async def test_nothing_is_answered_while_the_desk_is_still_placing(world: PaperWorld) -> None:
    tickets = [world.place(order(f"AA{number:08}")) for number in range(100)]

    assert all(ticket.calls == ["admit", "written"] for ticket in tickets)
    assert world.clock.waiting == 1

    world.clock.turn()
    assert all(ticket.outcome == Accepted(f"PAA{n:08}") for n, ticket in enumerate(tickets))
    assert len(world.reports) == 100


async def test_a_fill_comes_after_its_acceptance_and_says_everything() -> None:
    world = await _world(FillProfile(slippage_bps=10), charge_bps=3)

    world.place(order(limit="101"))
    world.clock.settle()

    price = parse_fixed("100.1")
    assert world.log == [
        Accepted(f"P{ID}"),
        ExecutionReport(
            ID,
            ExecType.TRADE,
            f"P{ID}",
            f"{ID}-{whole(10)}",
            cum_quantity=whole(10),
            last_quantity=whole(10),
            last_price=price,
            charges=parse_fixed("0.3003"),
            time=world.clock.now(),
            quantity=whole(10),
            price=parse_fixed("101"),
        ),
    ]


async def test_it_says_how_late_it_is_with_what_it_has_to_tell() -> None:
    world = await _world(FillProfile(ack_delay_ms=30))
    assert isinstance(world.broker, TellsLate)
    world.place(order())
    assert world.broker.behind_ns == 0

    world.clock._elapsed += _ms(45)
    assert world.broker.behind_ns == _ms(15)


async def test_the_answer_takes_its_time() -> None:
    world = await _world(FillProfile(ack_delay_ms=30))
    ticket = world.place(order())

    world.clock.advance(_ms(30) - 1)
    assert ticket.calls == ["admit", "written"]

    world.clock.advance(1)
    assert code(ticket.outcome) == "ACCEPTED"
    assert world.quantities(ID) == [10]


async def test_slices_are_spread_over_the_fill_duration() -> None:
    world = await _world(FillProfile(ack_delay_ms=5, fill_duration_ms=90, slices=3))
    world.place(order())
    start = world.clock.now()

    world.clock.advance(_ms(1_000))

    times = [(report.time - start) // MILLISECOND for report in world.reports]
    assert times == [35, 65, 95]
    assert world.quantities(ID) == [4, 3, 3]
    assert [report.cum_quantity // whole(1) for report in world.reports] == [4, 7, 10]


async def test_a_share_is_filled_and_the_rest_keeps_working() -> None:
    world = await _world(FillProfile(filled_bps=5_000, slices=2))
    world.place(order(quantity=300, instrument=FUTURE.key))

    world.clock.advance(_ms(1_000_000))

    assert world.quantities(ID) == [75, 75]
    (found,) = (await world.broker.book(ACCOUNT)).orders
    assert found.status == OrdStatus.PARTIALLY_FILLED


async def test_a_share_below_one_lot_is_nothing() -> None:
    world = await _world(FillProfile(filled_bps=9_999))
    world.place(order(quantity=75, instrument=FUTURE.key))

    world.clock.settle()

    assert world.quantities(ID) == []
    (found,) = (await world.broker.book(ACCOUNT)).orders
    assert found.status == OrdStatus.NEW


async def test_profiles_are_the_accounts_own(world: PaperWorld) -> None:
    world.open_account("B", FillProfile(reject_bps=10_000))

    first, second = world.place(order()), world.place(order("BB00000001", account="B"))
    world.clock.settle()

    assert (code(first.outcome), code(second.outcome)) == ("ACCEPTED", "REJECTED")


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (order(account="NOBODY"), "UNKNOWN_ACCOUNT"),
        (order(instrument="NSE:999"), "UNKNOWN_INSTRUMENT"),
        (order(quantity=0), "INVALID_QUANTITY"),
        (order(limit="0"), "INVALID_PRICE"),
        (order(""), "INVALID_TAG"),
        (order("A" * 33), "INVALID_TAG"),
    ],
)
async def test_a_bad_order_is_refused(
    world: PaperWorld, request_: PlaceRequest, expected: str
) -> None:
    ticket = world.place(request_)
    world.clock.settle()

    assert ticket.calls == ["admit", "written", "done"]
    assert code(ticket.outcome) == expected
    assert world.reports == []


async def test_a_refusal_takes_its_time_too() -> None:
    world = await _world(FillProfile(ack_delay_ms=30, reject_bps=10_000))
    ticket = world.place(order())

    world.clock.advance(_ms(30) - 1)
    assert ticket.outcomes == []

    world.clock.advance(1)
    assert code(ticket.outcome) == "REJECTED"


async def test_a_tag_is_used_once_even_if_rejected(world: PaperWorld) -> None:
    world.open_account("B", FillProfile(reject_bps=10_000))
    for account in (ACCOUNT, "B"):
        cl_ord_id = f"{account}A00000001"
        world.place(order(cl_ord_id, account=account))
        again = world.place(order(cl_ord_id, account=account))
        world.clock.settle()
        later = world.place(order(cl_ord_id, account=account))
        world.clock.settle()

        assert code(again.outcome) == code(later.outcome) == "DUPLICATE_TAG"
    assert len(world.reports) == 1


async def test_before_connect_and_after_close_nothing_is_written() -> None:
    world = PaperWorld()
    before = world.place(order())
    await world.broker.connect()
    await world.broker.close()
    after = [world.place(order()), world.cancel(ID), world.replace(ID, 5, "101")]

    for ticket in (before, *after):
        assert ticket.calls == ["done"]
        assert isinstance(ticket.outcome, NeverWritten)
        assert ticket.outcome.reason.code == ReasonCode.BROKER_UNREACHABLE
        assert ticket.outcome.again


# --- prices ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ord_type", [OrdType.LIMIT, OrdType.MARKET])
@pytest.mark.parametrize(
    ("side", "limit", "away", "back"),
    [(Side.BUY, "99.5", "99.55", "99.4"), (Side.SELL, "100.5", "100.45", "100.6")],
)
async def test_an_order_rests_until_the_price_comes(
    world: PaperWorld, ord_type: OrdType, side: Side, limit: str, away: str, back: str
) -> None:
    world.place(order(side=side, limit=limit, ord_type=ord_type))
    world.clock.settle()
    world.price(away)
    world.clock.settle()
    assert world.filled(ID) == []

    world.price(back)
    assert world.filled(ID) == []
    world.clock.settle()

    assert world.filled(ID) == [(10, parse_fixed(back))]


async def test_a_market_order_is_never_filled_beyond_its_protected_price() -> None:
    world = await _world(FillProfile(slippage_bps=1_000))

    world.place(order(limit="101"))
    world.place(order("AA00000002", Side.SELL, limit="99"))
    world.clock.settle()

    assert world.filled(ID) == [(10, parse_fixed("101"))]
    assert world.filled("AA00000002") == [(10, parse_fixed("99"))]


async def test_only_the_price_of_the_moment_counts(world: PaperWorld) -> None:
    world.place(order(limit="99", ord_type=LIMIT))
    world.clock.settle()

    world.price("98")
    world.price("100")
    world.clock.settle()

    assert world.filled(ID) == []


async def test_the_oldest_of_those_who_waited_is_filled_first(world: PaperWorld) -> None:
    for number, limit in enumerate(["99", "98", "99.5"]):
        world.place(order(f"AA{number:08}", limit=limit, ord_type=LIMIT))
    world.clock.settle()

    world.price("99")
    world.clock.settle()

    assert [report.cl_ord_id for report in world.reports] == ["AA00000000", "AA00000002"]


async def test_a_slice_that_found_no_price_waits_and_the_next_keeps_its_distance() -> None:
    world = await _world(FillProfile(fill_duration_ms=30, slices=3))
    world.place(order(limit="100", ord_type=LIMIT))
    world.clock.advance(_ms(10))
    world.price("100.05")
    world.clock.advance(_ms(500))
    assert world.quantities(ID) == [4]

    world.price("99.95")
    world.clock.settle()
    assert world.quantities(ID) == [4, 3]

    world.clock.advance(_ms(10))
    assert world.quantities(ID) == [4, 3, 3]


async def test_an_unmoved_price_costs_the_resting_nothing(world: PaperWorld) -> None:
    for number in range(100):
        world.place(order(f"AA{number:08}", limit="90", ord_type=LIMIT))
    world.clock.settle()

    world.price("91")

    assert world.steps == 0


async def test_an_order_canceled_on_its_way_to_the_price_is_not_filled(world: PaperWorld) -> None:
    world.place(order(limit="99", ord_type=LIMIT))
    world.clock.settle()

    world.cancel(ID)
    world.price("98")
    world.clock.settle()

    assert world.exec_types(ID) == [ExecType.CANCELED]


async def test_an_order_without_a_quote_waits_for_one(
    world: PaperWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QuoteBoard, "get", lambda self, key: None)
    world.place(order())
    world.clock.settle()
    monkeypatch.undo()
    assert world.exec_types(ID) == []

    world.price("100.05")
    world.clock.settle()
    assert world.filled(ID) == [(10, parse_fixed("100.05"))]


async def test_a_lost_instrument_stays_lost_when_the_order_is_replaced(world: PaperWorld) -> None:
    await _restart(world, restored(order(instrument="NSE:999")))

    ticket = world.replace(ID, 20, "101")
    world.clock.settle()

    assert code(ticket.outcome) == "ACCEPTED"
    assert world.exec_types(ID) == [ExecType.REPLACED]


async def test_a_type_paper_does_not_take_is_not_written(
    world: PaperWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    less = msgspec.structs.replace(CAPABILITIES, ord_types=frozenset({OrdType.MARKET}))
    monkeypatch.setattr("phalanx.brokers.paper.broker.CAPABILITIES", less)
    ticket = world.place(order(ord_type=OrdType.STOP))

    assert ticket.calls == ["done"]
    assert isinstance(ticket.outcome, NeverWritten)
    assert str(ticket.outcome.reason) == "broker paper does not take DELIVERY DAY STOP orders"


# --- IOC ---------------------------------------------------------------------------------------


async def test_ioc_fills_its_share_at_once_and_cancels_the_rest() -> None:
    world = await _world(FillProfile(fill_duration_ms=500, filled_bps=6_000, slices=2))

    world.place(order(time_in_force=TimeInForce.IOC))
    world.clock.settle()

    assert world.quantities(ID) == [3, 3]
    assert world.exec_types(ID)[-1] == ExecType.CANCELED
    assert world.reports[-1].cum_quantity == whole(6)
    assert world.steps == 0


async def test_ioc_away_from_the_price_is_canceled(world: PaperWorld) -> None:
    world.place(order(limit="99", ord_type=LIMIT, time_in_force=TimeInForce.IOC))
    world.clock.settle()
    world.price("98")
    world.clock.settle()

    assert world.exec_types(ID) == [ExecType.CANCELED]


async def test_ioc_that_is_filled_is_not_canceled(world: PaperWorld) -> None:
    world.place(order(time_in_force=TimeInForce.IOC))
    world.clock.settle()

    assert world.exec_types(ID) == [ExecType.TRADE]


# --- cancel ------------------------------------------------------------------------------------


async def test_a_resting_order_is_canceled(world: PaperWorld) -> None:
    world.place(order(limit="99", ord_type=LIMIT))
    world.clock.settle()

    ticket = world.cancel(ID)
    world.clock.settle()
    world.price("98")
    world.clock.settle()

    assert ticket.outcome == Accepted(f"P{ID}")
    assert world.exec_types(ID) == [ExecType.CANCELED]
    assert world.steps == 0


async def test_a_cancel_between_slices_ends_them() -> None:
    world = await _world(FillProfile(fill_duration_ms=30, slices=3))
    world.place(order())
    world.clock.advance(_ms(15))

    world.cancel(ID)
    world.clock.advance(_ms(500))

    assert world.quantities(ID) == [4]
    assert world.reports[-1].exec_type == ExecType.CANCELED
    assert world.reports[-1].cum_quantity == whole(4)


async def test_a_cancel_loses_against_a_fill_on_its_way() -> None:
    world = await _world(FillProfile(ack_delay_ms=20, fill_duration_ms=10))
    world.place(order())
    world.clock.advance(_ms(20))

    ticket = world.cancel(ID)
    world.clock.advance(_ms(20))

    assert code(ticket.outcome) == "TOO_LATE"
    assert world.exec_types(ID) == [ExecType.TRADE]


async def test_a_cancel_never_overtakes_the_order(world: PaperWorld) -> None:
    world.open_account("B", FillProfile(ack_delay_ms=20, fill_duration_ms=10))
    world.place(order(account="B"))
    world.open_account("B", FillProfile())

    ticket = world.cancel(ID, account="B")
    world.clock.advance(_ms(100))

    assert code(ticket.outcome) == "ACCEPTED"
    assert world.exec_types(ID) == [ExecType.CANCELED]


async def test_a_request_written_before_its_order_does_not_know_it(world: PaperWorld) -> None:
    cancel, replace = world.cancel(ID), world.replace(ID, 5, "101")
    world.place(order())
    world.clock.settle()

    assert (code(cancel.outcome), code(replace.outcome)) == ("UNKNOWN_ORDER", "UNKNOWN_ORDER")
    assert world.quantities(ID) == [10]


async def test_what_cannot_be_canceled(world: PaperWorld) -> None:
    world.open_account("B", FillProfile(reject_bps=10_000))
    world.place(order())
    world.place(order("BB00000001", account="B"))
    world.clock.settle()

    tickets = [
        world.cancel("AA00000009"),
        world.cancel(ID, account="B"),
        world.cancel(ID),
        world.cancel("BB00000001", account="B"),
        world.cancel(ID, account="NOBODY"),
    ]
    world.clock.settle()

    assert [code(ticket.outcome) for ticket in tickets] == [
        "UNKNOWN_ORDER",
        "UNKNOWN_ORDER",
        "TOO_LATE",
        "TOO_LATE",
        "UNKNOWN_ORDER",
    ]
    assert len(world.reports) == 1


# --- replace -----------------------------------------------------------------------------------


async def test_a_resting_order_gets_a_price_that_trades(world: PaperWorld) -> None:
    world.place(order(limit="99", ord_type=LIMIT))
    world.clock.settle()

    ticket = world.replace(ID, 20, "100")
    world.clock.settle()

    assert ticket.outcome == Accepted(f"P{ID}")
    replaced, trade = world.reports
    assert (replaced.exec_type, replaced.exec_id) == (ExecType.REPLACED, f"{ID}-R1")
    assert (replaced.quantity, replaced.price) == (whole(20), whole(100))
    assert (trade.cum_quantity, trade.last_price) == (whole(20), whole(100))


async def test_a_slice_that_waited_comes_at_once_with_a_price_that_trades() -> None:
    world = await _world(FillProfile(fill_duration_ms=30, slices=3))
    world.place(order(limit="99", ord_type=LIMIT))
    world.clock.advance(_ms(10))

    world.replace(ID, 10, "100")
    world.clock.settle()

    assert world.quantities(ID) == [4]


async def test_the_rest_of_the_plan_follows_the_new_quantity() -> None:
    world = await _world(FillProfile(fill_duration_ms=30, slices=3))
    world.place(order())
    world.clock.advance(_ms(10))

    world.replace(ID, 20, "101")
    world.clock.advance(_ms(500))

    assert world.quantities(ID) == [4, 8, 8]
    assert world.reports[-1].cum_quantity == whole(20)


async def test_a_partial_order_replaced_upwards_fills_more() -> None:
    world = await _world(FillProfile(filled_bps=5_000, fill_duration_ms=30))
    world.place(order())
    world.clock.advance(_ms(100))

    world.replace(ID, 20, "101")
    world.clock.settle()
    assert world.quantities(ID) == [5]

    world.clock.advance(_ms(30))
    assert world.quantities(ID) == [5, 5]


async def test_a_partial_order_replaced_downwards_fills_no_more() -> None:
    world = await _world(FillProfile(fill_duration_ms=30, slices=3, filled_bps=9_000))
    world.place(order())
    world.clock.advance(_ms(10))
    assert world.quantities(ID) == [3]

    world.replace(ID, 4, "101")
    world.clock.advance(_ms(500))

    assert world.quantities(ID) == [3]
    assert world.steps == 0


async def test_a_replacement_to_what_is_filled_ends_the_order() -> None:
    world = await _world(FillProfile(fill_duration_ms=30, slices=3))
    world.place(order())
    world.clock.advance(_ms(10))

    world.replace(ID, 4, "101")
    world.clock.advance(_ms(500))

    (found,) = (await world.broker.book(ACCOUNT)).orders
    assert (found.status, found.quantity) == (OrdStatus.FILLED, whole(4))
    assert world.exec_types(ID) == [ExecType.TRADE, ExecType.REPLACED]
    assert world.steps == 0


@pytest.mark.parametrize(
    ("quantity", "limit", "expected"),
    [(3, "101", "BELOW_FILLED"), (0, "101", "INVALID_QUANTITY"), (20, "0", "INVALID_PRICE")],
)
async def test_a_bad_replacement_is_refused_and_changes_nothing(
    quantity: int, limit: str, expected: str
) -> None:
    world = await _world(FillProfile(fill_duration_ms=30, slices=3))
    world.place(order())
    world.clock.advance(_ms(10))

    ticket = world.replace(ID, quantity, limit)
    world.clock.advance(_ms(500))

    assert code(ticket.outcome) == expected
    assert world.quantities(ID) == [4, 3, 3]


async def test_what_cannot_be_replaced(world: PaperWorld) -> None:
    world.place(order())
    world.clock.settle()

    unknown, filled = world.replace("AA00000009", 5, "101"), world.replace(ID, 20, "101")
    world.clock.settle()

    assert (code(unknown.outcome), code(filled.outcome)) == ("UNKNOWN_ORDER", "TOO_LATE")


async def test_a_replacement_of_a_waiting_order_keeps_it_waiting_at_the_new_price(
    world: PaperWorld,
) -> None:
    world.place(order(limit="99", ord_type=LIMIT))
    world.clock.settle()
    world.replace(ID, 10, "98")
    world.clock.settle()

    world.price("98.5")
    world.clock.settle()
    assert world.filled(ID) == []

    world.price("98")
    world.clock.settle()
    assert world.filled(ID) == [(10, whole(98))]


# --- restart -----------------------------------------------------------------------------------


async def _restart(world: PaperWorld, *orders: RestoredOrder) -> PaperBroker:
    await world.broker.close()
    broker = world.new_broker()
    broker.restore(orders)
    await broker.connect()
    return broker


async def test_a_restored_order_goes_on_with_what_is_left() -> None:
    world = await _world(FillProfile(fill_duration_ms=50, slices=5))
    request = order()
    world.place(request)
    world.clock.advance(_ms(25))
    assert world.quantities(ID) == [2, 2]

    broker = await _restart(world, restored(request, 4))
    assert world.quantities(ID) == [2, 2]
    world.clock.advance(_ms(10))
    assert world.quantities(ID) == [2, 2, 2]
    world.clock.advance(_ms(500))

    assert world.quantities(ID) == [2] * 5
    assert len({report.exec_id for report in world.reports}) == 5
    (found,) = (await broker.book(ACCOUNT)).orders
    assert (found.status, found.cum_quantity) == (OrdStatus.FILLED, whole(10))


async def test_what_was_not_reported_had_not_happened_and_comes_again_the_same() -> None:
    world = await _world(FillProfile(fill_duration_ms=50, slices=5))
    request = order()
    world.place(request)
    world.clock.advance(_ms(25))
    reported = list(world.reports)

    # The journal took the first fill only; the second was lost in the crash.
    await _restart(world, restored(request, 2))
    world.clock.advance(_ms(500))

    again = world.reports[2]
    assert (again.exec_id, again.last_quantity) == (reported[1].exec_id, reported[1].last_quantity)


async def test_a_restored_order_is_not_reported_from_inside_connect(world: PaperWorld) -> None:
    await _restart(world, restored(order()))
    assert world.reports == []

    world.clock.settle()
    assert world.quantities(ID) == [10]


async def test_a_restored_order_can_be_canceled_and_keeps_its_tag(world: PaperWorld) -> None:
    request = order(limit="99", ord_type=LIMIT)
    await _restart(world, restored(request, 3))
    world.clock.settle()

    again, ticket = world.place(request), world.cancel(ID)
    world.clock.settle()

    assert code(again.outcome) == "DUPLICATE_TAG"
    assert code(ticket.outcome) == "ACCEPTED"
    assert world.reports[-1].cum_quantity == whole(3)


async def test_a_restored_ioc_ends_at_once(world: PaperWorld) -> None:
    world.price("150")
    request = order(time_in_force=TimeInForce.IOC)
    await _restart(world, restored(request, 3))
    world.clock.settle()

    assert world.exec_types(ID) == [ExecType.CANCELED]


async def test_a_restored_order_of_a_lost_instrument_can_only_be_canceled(
    world: PaperWorld,
) -> None:
    request = order(instrument="NSE:999", account="NOBODY")
    await _restart(world, restored(request))
    world.clock.settle()
    ticket = world.cancel(ID, account="NOBODY")
    world.clock.settle()

    assert code(ticket.outcome) == "ACCEPTED"
    assert world.exec_types(ID) == [ExecType.CANCELED]


# --- look-up, close, memory --------------------------------------------------------------------


async def test_a_book_has_written_working_and_ended_orders_of_the_account() -> None:
    world = await _world(FillProfile(ack_delay_ms=20))
    world.place(order())

    unanswered = await world.broker.book(ACCOUNT)
    world.clock.advance(_ms(20))
    after = await world.broker.book(ACCOUNT)

    (before,), (ended,) = unanswered.orders, after.orders
    assert (before.status, before.cum_quantity, before.time) == (OrdStatus.NEW, 0, unanswered.time)
    assert (ended.status, ended.order_id) == (OrdStatus.FILLED, f"P{ID}")
    assert after.time == world.clock.now()
    assert await world.broker.book("B") == BrokerBook("B", world.clock.now())


async def test_a_book_has_the_trades_as_they_were_reported_oldest_first() -> None:
    world = await _world(FillProfile(fill_duration_ms=40, slices=2), charge_bps=3)
    world.place(order())
    world.clock.advance(_ms(10))
    world.place(order("AA00000002"))
    world.clock.advance(_ms(100))

    book = await world.broker.book(ACCOUNT)

    assert [
        (t.cl_ord_id, t.exec_id, t.quantity, t.price, t.charges, t.time) for t in book.trades
    ] == [
        (r.cl_ord_id, r.exec_id, r.last_quantity, r.last_price, r.charges, r.time)
        for r in world.reports
    ]
    assert [trade.cl_ord_id for trade in book.trades] == [ID, "AA00000002"] * 2
    for shown in book.orders:
        trades = [trade for trade in book.trades if trade.order_id == shown.order_id]
        assert sum(trade.quantity for trade in trades) == shown.cum_quantity == whole(10)


async def test_a_rejected_order_is_in_the_book_as_such() -> None:
    world = await _world(FillProfile(reject_bps=10_000))
    world.place(order())

    (shown,) = (await world.broker.book(ACCOUNT)).orders

    assert (shown.status, shown.text) == (
        OrdStatus.REJECTED,
        "rejected by the account's fill profile",
    )


async def test_a_book_without_a_session_proves_nothing() -> None:
    world = PaperWorld()
    with pytest.raises(OSError, match="not connected"):
        await world.broker.book(ACCOUNT)

    await world.broker.connect()
    await world.broker.close()
    with pytest.raises(OSError, match="not connected"):
        await world.broker.book(ACCOUNT)


async def test_close_answers_what_is_open_and_then_is_silent() -> None:
    world = await _world(FillProfile(ack_delay_ms=20, fill_duration_ms=90, slices=3))
    world.place(order())
    world.clock.advance(_ms(55))
    waiting = world.place(order("AA00000002"))

    await world.broker.close()
    assert isinstance(waiting.outcome, Unknown)
    heard = len(world.log)
    world.price("99")
    world.clock.advance(_ms(1_000))

    assert world.quotes._listeners == []
    assert len(world.log) == heard
    assert world.clock.waiting == 0
    await world.broker.close()


def test_ended_orders_are_forgotten_in_turn() -> None:
    assert ENDED_MAX == 10_000
    world = PaperWorld()
    book = PaperBook(ended_max=3)
    world.broker._book = world.broker._matcher._book = book
    world.broker._stop_quotes = lambda: None

    for number in range(10):
        world.place(order(f"AA{number:08}"))
    world.clock.settle()

    assert len(book) == 3
    assert [f"AA{number:08}" in book for number in range(10)] == [False] * 7 + [True] * 3


async def test_nothing_is_left_of_orders_that_came_and_went(world: PaperWorld) -> None:
    def run(first: int) -> None:
        for number in range(first, first + 200):
            world.place(order(f"AA{number:08}", limit="90", ord_type=LIMIT))
        world.clock.settle()
        for number in range(first, first + 200):
            world.cancel(f"AA{number:08}")
        world.clock.settle()

    run(0)
    matcher, broker = world.broker._matcher, world.broker

    assert (len(matcher._waiting), len(matcher._looks), len(broker._answers)) == (0, 0, 0)
    assert len(broker._book.working) == world.steps == 0
    assert len(broker._agenda._due) == len(broker._agenda)
