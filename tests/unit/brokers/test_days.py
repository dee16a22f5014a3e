"""Paper orders end with their trading day."""

from phalanx.brokers.paper.days import day_end
from phalanx.domain.accounts import FillProfile
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, OrdType
from phalanx.domain.time import DAY, HOUR, MILLISECOND, SECOND
from tests.fakes.clock import START
from tests.fakes.paper import ACCOUNT, PaperWorld, code, order, restored

ID = "AA00000001"
INDIA_S = 19_800
MIDNIGHT = day_end(START, INDIA_S)
RESTS = FillProfile(filled_bps=0)


async def _world(profile: FillProfile = RESTS) -> PaperWorld:
    world = PaperWorld(profile)
    await world.broker.connect()
    return world


def test_a_day_ends_at_midnight_of_the_exchange() -> None:
    assert (MIDNIGHT + INDIA_S * SECOND) % DAY == 0
    assert START < MIDNIGHT <= START + DAY
    assert day_end(MIDNIGHT, INDIA_S) == MIDNIGHT + DAY


async def test_what_works_expires_when_the_day_is_over() -> None:
    world = await _world(FillProfile(filled_bps=4_000))
    world.place(order())
    world.clock.advance(MIDNIGHT - START - 1)
    assert world.exec_types(ID) == [ExecType.TRADE]

    world.clock.advance(1)

    expired = world.reports[-1]
    assert (expired.exec_type, expired.cum_quantity) == (ExecType.EXPIRED, whole(4))
    assert expired.text == "its trading day is over"
    (shown,) = (await world.broker.book(ACCOUNT)).orders
    assert (shown.status, shown.text) == (OrdStatus.EXPIRED, expired.text)
    assert world.steps == 0
    world.clock.advance(HOUR)
    assert world.clock.waiting == 0


async def test_where_orders_are_held_to_the_market_they_end_with_it() -> None:
    world = await _world()
    world.closes_at = START + HOUR // 2
    world.place(order())
    world.clock.advance(HOUR // 2 - 1)
    assert world.exec_types(ID) == []

    world.clock.advance(1)

    assert world.exec_types(ID) == [ExecType.EXPIRED]
    world.closes_at = None
    world.place(order("AA00000002"))
    world.clock.advance(HOUR)
    assert world.exec_types("AA00000002") == []


async def test_the_next_days_orders_have_their_own_end() -> None:
    world = await _world()
    world.place(order())
    world.clock.advance(MIDNIGHT - START)
    world.place(order("AA00000002"))

    world.clock.advance(DAY - 1)
    assert world.exec_types("AA00000002") == []
    world.clock.advance(1)

    assert world.exec_types("AA00000002") == [ExecType.EXPIRED]
    assert world.exec_types(ID) == [ExecType.EXPIRED]


async def test_a_slice_that_is_due_after_the_day_is_not_filled() -> None:
    world = await _world(FillProfile(fill_duration_ms=20, slices=2))
    world.clock.advance(MIDNIGHT - START - 15 * MILLISECOND)
    world.place(order())

    world.clock.advance(HOUR)

    assert world.exec_types(ID) == [ExecType.TRADE, ExecType.EXPIRED]


async def test_an_order_that_is_accepted_after_its_day_fills_nothing() -> None:
    world = await _world(FillProfile(ack_delay_ms=20))
    world.clock.advance(MIDNIGHT - START - 5 * MILLISECOND)
    ticket = world.place(order())

    world.clock.advance(HOUR)

    assert code(ticket.outcome) == "ACCEPTED"
    assert world.exec_types(ID) == [ExecType.EXPIRED]


async def test_a_price_that_comes_after_the_day_fills_nothing() -> None:
    world = await _world(FillProfile())
    world.place(order(limit="99", ord_type=OrdType.LIMIT))
    world.place(order("AA00000002", limit="110", ord_type=OrdType.STOP, stop="105"))
    world.clock.settle()
    world.clock.jump(DAY)

    world.price("99")
    world.clock.settle()
    world.price("105")
    world.clock.settle()

    assert world.exec_types(ID) == world.exec_types("AA00000002") == [ExecType.EXPIRED]


async def test_requests_after_the_day_come_too_late() -> None:
    world = await _world()
    for cl_ord_id in (ID, "AA00000002", "AA00000003"):
        world.place(order(cl_ord_id))
    world.clock.settle()
    world.clock.jump(DAY)

    canceled, replaced = world.cancel(ID), world.replace("AA00000002", 20, "101")
    world.broker.fill_by_hand("AA00000003", whole(1), whole(100), "H1")
    world.clock.settle()

    assert (code(canceled.outcome), code(replaced.outcome)) == ("TOO_LATE", "TOO_LATE")
    assert [report.exec_type for report in world.reports] == [ExecType.EXPIRED] * 3


async def test_a_clock_that_jumps_to_another_day_is_noticed_within_the_hour() -> None:
    world = await _world()
    world.place(order())
    world.clock.settle()

    world.clock.jump(DAY)
    world.clock.advance(HOUR)

    assert world.exec_types(ID) == [ExecType.EXPIRED]


async def test_a_clock_that_goes_back_expires_nothing_early() -> None:
    world = await _world()
    world.place(order())
    world.clock.jump(-DAY)

    world.clock.advance(MIDNIGHT - START)
    assert world.exec_types(ID) == []
    world.clock.advance(DAY)

    assert world.exec_types(ID) == [ExecType.EXPIRED]


async def test_restored_orders_of_an_earlier_day_expire_before_anything_fills() -> None:
    world = PaperWorld(FillProfile(fill_duration_ms=50, slices=5))
    resting = order("AA00000002", limit="99", ord_type=OrdType.LIMIT)
    world.broker.restore(
        [restored(order(), 4, time=START - DAY), restored(resting, time=START - DAY)]
    )
    await world.broker.connect()
    assert world.reports == []

    world.clock.settle()

    assert [(r.cl_ord_id, r.exec_type, r.cum_quantity) for r in world.reports] == [
        (ID, ExecType.EXPIRED, whole(4)),
        ("AA00000002", ExecType.EXPIRED, 0),
    ]


async def test_restored_orders_of_today_work_on_until_it_is_over() -> None:
    world = PaperWorld(RESTS)
    world.broker.restore([restored(order(), 4)])
    await world.broker.connect()

    world.clock.advance(MIDNIGHT - START - 1)
    assert world.reports == []
    world.clock.advance(1)

    assert world.exec_types(ID) == [ExecType.EXPIRED]


async def test_the_zone_is_the_settings() -> None:
    world = PaperWorld(RESTS)
    world.zone_offset_s = 0
    world.new_broker()
    await world.broker.connect()
    world.place(order())

    world.clock.advance(day_end(START, 0) - START - 1)
    assert world.reports == []
    world.clock.advance(1)

    assert world.exec_types(ID) == [ExecType.EXPIRED]
