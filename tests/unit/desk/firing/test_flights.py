"""Brokers without tags: one order in flight per account, instrument and side; the others in order behind it."""

import pytest

from phalanx.brokers.port import Accepted, NeverWritten, Outcome, Refused, Unknown
from phalanx.desk.firing.flights import Flights
from phalanx.desk.firing.lanes import Waiting
from phalanx.domain.accounts import RateLimit
from phalanx.domain.broker_books import BrokerOrder
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from phalanx.engine import commands as c
from tests.fakes.rig import ORIGIN, Rig, on_virtual_time, play
from tests.fakes.scripted_broker import UNREACHABLE, answer


async def untagged(rig: Rig, limit: RateLimit = RateLimit()) -> None:  # noqa: B008  frozen
    rig.broker.declare(kind=BrokerKind.NO_TAG)
    await rig.start()
    await rig.account(limit=limit)


@on_virtual_time
async def test_the_next_waits_until_the_one_before_is_answered(rig: Rig) -> None:
    await untagged(rig)
    orders = [(await rig.submit(rig.buy(quantity=n)))[0] for n in (1, 2, 3)]
    assert rig.broker.placed == orders[:1]
    assert rig.desk.firing.waiting_count() == 2

    for n, order in enumerate(orders, 1):
        assert rig.broker.placed == orders[:n]
        rig.broker.tickets[order].done(Accepted(f"B{n}"))
        await rig.wait()

    assert [rig.status(order) for order in orders] == 3 * [OrdStatus.NEW]
    assert not rig.desk.firing.is_busy()


@pytest.mark.parametrize(
    "outcome",
    [Accepted("B1"), Refused("17", "no"), NeverWritten(UNREACHABLE)],
    ids=lambda outcome: type(outcome).__name__,
)
def test_any_answer_lets_the_next_one_go(outcome: Outcome) -> None:
    async def story(rig: Rig) -> None:
        await untagged(rig)
        if isinstance(outcome, NeverWritten):
            rig.broker.script.append(lambda _, ticket: ticket.done(outcome))
        else:
            rig.broker.script.append(answer(outcome))

        await rig.submit(rig.buy(quantity=1))
        (second,) = await rig.submit(rig.buy(quantity=2))

        assert rig.broker.placed[1:] == [second]

    play(story)


@on_virtual_time
async def test_a_doubt_holds_the_others_back_until_it_is_settled(rig: Rig) -> None:
    await untagged(rig)
    (doubtful,) = await rig.submit(rig.buy(quantity=1))
    (second,) = await rig.submit(rig.buy(quantity=2))
    rig.broker.tickets[doubtful].done(Unknown("lost"))
    await rig.wait(20)
    assert rig.status(doubtful) is OrdStatus.IN_DOUBT
    assert rig.broker.placed == [doubtful]

    rig.broker.tickets[doubtful].done(Accepted("late"))
    rig.broker.end(doubtful)
    await rig.wait()

    assert rig.broker.placed == [doubtful, second]


@on_virtual_time
async def test_other_sides_and_accounts_do_not_wait(rig: Rig) -> None:
    await untagged(rig)
    await rig.account("A2")
    bought = await rig.bought("A1")
    rig.broker.fill(bought, whole(10))

    (buy,) = await rig.submit(rig.buy("A1"))
    (sell,) = await rig.submit(rig.buy("A1", side=Side.SELL))
    (other,) = await rig.submit(rig.buy("A2"))

    assert rig.broker.placed == [bought, buy, sell, other]


@on_virtual_time
async def test_a_broker_that_keeps_tags_takes_them_all_at_once(rig: Rig) -> None:
    await rig.start()
    await rig.account()

    orders = [(await rig.submit(rig.buy(quantity=n)))[0] for n in (1, 2, 3)]

    assert rig.broker.placed == orders


@on_virtual_time
async def test_what_waits_behind_expires_with_its_instruction(rig: Rig) -> None:
    await untagged(rig)
    (first,) = await rig.submit(rig.buy(quantity=1))
    (late,) = await rig.submit(rig.buy(quantity=2, expires_s=5))
    (third,) = await rig.submit(rig.buy(quantity=3))

    await rig.wait(6)
    rig.broker.tickets[first].done(Accepted("B1"))
    await rig.wait()

    assert rig.status(late) is OrdStatus.EXPIRED
    assert rig.broker.placed == [first, third]
    rig.broker.tickets[third].done(Accepted("B3"))
    assert not rig.desk.firing.is_busy()


@on_virtual_time
async def test_what_waits_behind_can_be_cancelled(rig: Rig) -> None:
    await untagged(rig)
    (first,) = await rig.submit(rig.buy(quantity=1))
    (unwanted,) = await rig.submit(rig.buy(quantity=2))
    (third,) = await rig.submit(rig.buy(quantity=3))

    await rig.cancel(unwanted)
    rig.broker.tickets[first].done(Accepted("B1"))
    await rig.wait()

    assert rig.status(unwanted) is OrdStatus.CANCELED
    assert rig.broker.placed == [first, third]
    rig.broker.tickets[third].done(Accepted("B3"))
    assert not rig.desk.firing.is_busy()


@on_virtual_time
async def test_the_one_whose_turn_it_is_can_be_cancelled_in_its_lane(rig: Rig) -> None:
    await untagged(rig, RateLimit(1, 1_000))
    first = await rig.bought(quantity=1)
    (unwanted,) = await rig.submit(rig.buy(quantity=2))
    (third,) = await rig.submit(rig.buy(quantity=3))

    await rig.cancel(unwanted)
    await rig.wait(2)

    assert rig.broker.placed == [first, third]


@on_virtual_time
async def test_after_a_restart_a_doubt_still_holds_the_others_back_until_a_person_judges(
    rig: Rig,
) -> None:
    await untagged(rig)
    (doubtful,) = await rig.submit(rig.buy(quantity=1))
    (second,) = await rig.submit(rig.buy(quantity=2, expires_s=30))

    await rig.restart()
    await rig.wait(5)
    assert rig.status(doubtful) is OrdStatus.IN_DOUBT
    assert rig.broker.placed == [doubtful]
    draft = rig.desk.state.orders[doubtful].draft
    what = (draft.instrument, draft.side, draft.product, draft.quantity)
    seen = BrokerOrder("B1", "A1", *what, 0, OrdStatus.NEW)
    await rig.desk.execute(c.JudgeDoubt(ORIGIN, doubtful, "B1", "seen at the broker", seen))
    await rig.wait()

    assert rig.broker.placed == [doubtful, second]


KEY = ("A1", "NSE:1", Side.SELL)


def flights(*in_lane: str) -> Flights:
    return Flights(in_lane.__contains__)


def waiting(cl_ord_id: str) -> Waiting:
    return Waiting(cl_ord_id, 0)


def test_exits_go_before_entries() -> None:
    behind = flights()
    assert behind.enters(KEY, waiting("ENTRY1"), urgent=False)
    assert not behind.enters(KEY, waiting("ENTRY2"), urgent=False)
    assert not behind.enters(KEY, waiting("EXIT"), urgent=True)

    assert behind.over("ENTRY1") == (waiting("EXIT"), True)
    assert behind.over("EXIT") == (waiting("ENTRY2"), False)
    assert behind.over("ENTRY2") is None
    assert not behind


def test_an_exit_goes_before_an_entry_that_is_not_sent_yet() -> None:
    behind = flights("ENTRY1")
    assert behind.enters(KEY, waiting("ENTRY1"), urgent=False)
    assert not behind.enters(KEY, waiting("ENTRY2"), urgent=False)

    assert behind.enters(KEY, waiting("EXIT"), urgent=True)
    assert not behind.may_go(waiting("ENTRY1"), urgent=False)

    assert behind.may_go(waiting("EXIT"), urgent=True)
    assert behind.over("EXIT") == (waiting("ENTRY1"), False)
    assert behind.over("ENTRY1") == (waiting("ENTRY2"), False)


def test_who_was_overtaken_goes_before_those_behind_it_in_the_lane() -> None:
    lane = ["ENTRY1", "ENTRY2"]
    behind = Flights(lane.__contains__)
    behind.enters(KEY, waiting("ENTRY1"), urgent=False)
    behind.enters(KEY, waiting("ENTRY2"), urgent=False)
    behind.enters(KEY, waiting("EXIT"), urgent=True)
    assert behind.over("EXIT") == (waiting("ENTRY2"), False)

    lane.remove("ENTRY1")
    assert behind.may_go(waiting("ENTRY1"), urgent=False)
    lane.remove("ENTRY2")
    assert not behind.may_go(waiting("ENTRY2"), urgent=False)

    assert behind.over("ENTRY1") == (waiting("ENTRY2"), False)


def test_who_ended_while_it_waited_is_passed_over() -> None:
    behind = flights()
    for name in ("ENTRY1", "ENTRY2", "ENTRY3"):
        behind.enters(KEY, waiting(name), urgent=False)

    assert behind.over("ENTRY2") is None
    assert [w.cl_ord_id for w in behind.waiting()] == ["ENTRY3"]
    assert behind.over("ENTRY1") == (waiting("ENTRY3"), False)


def test_all_that_were_in_doubt_before_hold_the_others_back() -> None:
    behind = flights()
    behind.holds(KEY, "DOUBT1", urgent=False)
    behind.holds(KEY, "DOUBT2", urgent=False)
    assert not behind.enters(KEY, waiting("ENTRY"), urgent=False)

    assert behind.over("DOUBT1") is None
    assert behind.over("DOUBT2") == (waiting("ENTRY"), False)


def test_an_order_of_a_broker_with_tags_goes_when_its_turn_comes() -> None:
    assert flights().may_go(waiting("ANY"), urgent=False)
