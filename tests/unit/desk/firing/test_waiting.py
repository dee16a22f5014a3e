"""Who waits in a lane: for a place in limits of any scope, until its time is over, and in its turn."""

import pytest

from phalanx.desk.firing.firing import Firing
from phalanx.desk.firing.lanes import Waiting
from phalanx.domain.accounts import Account, RateLimit
from phalanx.domain.capabilities import BrokerKind, LimitScope, ScopedLimit
from phalanx.domain.events import DispatchLapsed
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus
from phalanx.engine import commands as c
from tests.fakes.rig import ORIGIN, Rig, on_virtual_time
from tests.fakes.scripted_broker import keep, unreachable, write


def limited(limit: RateLimit) -> c.PutReference:
    """The account of `Rig.account` gets another limit, and its window is full."""
    return c.PutReference(ORIGIN, accounts=(Account("A1", 1, "script", rate_limit=limit),))


@on_virtual_time
async def test_nobody_who_waits_is_looked_at_before_somebodys_time_is_over(rig: Rig) -> None:
    patch = pytest.MonkeyPatch()
    looked: list[str] = []
    late = Firing._late

    def counted(firing: Firing, waiting: Waiting, now: int) -> bool:
        looked.append(waiting.cl_ord_id)
        return late(firing, waiting, now)

    patch.setattr(Firing, "_late", counted)
    await rig.start()
    await rig.account(limit=RateLimit(1, 60_000))
    await rig.submit(rig.buy())
    (patient,) = await rig.submit(rig.buy(expires_s=20))
    (hasty,) = await rig.submit(rig.buy(expires_s=10))
    await rig.wait(9)
    assert looked == []

    await rig.wait(12)
    patch.undo()

    assert sorted(looked) == sorted([hasty, patient, patient])
    assert [rig.status(order) for order in (patient, hasty)] == [OrdStatus.EXPIRED] * 2


@on_virtual_time
async def test_an_order_that_comes_back_unsent_after_its_time_expires(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.script.append(keep)
    (order,) = await rig.submit(rig.buy(expires_s=2))
    await rig.wait(3)
    assert rig.status(order) is OrdStatus.SENT

    rig.broker.session("A1", "no session")
    unreachable(rig.broker.asked[0], rig.broker.tickets[order])
    await rig.wait(0.5)

    assert rig.status(order) is OrdStatus.EXPIRED
    assert rig.broker.placed == [order]


@on_virtual_time
async def test_limits_of_a_login_bind_all_of_its_accounts_and_nobody_else(rig: Rig) -> None:
    rig.broker.declare(limits=(ScopedLimit(LimitScope.LOGIN, RateLimit(2, 1_000)),))
    await rig.start()
    for account in ("A1", "A2"):
        await rig.account(account)
    await rig.account("A3", broker="other")
    await rig.wait(1)
    orders = [
        order
        for account in ("A1", "A2", "A1", "A2")
        for order in await rig.submit(rig.buy(account))
    ]
    (elsewhere,) = await rig.submit(rig.buy("A3"))

    assert rig.broker.placed == orders[:2]
    assert rig.other.placed == [elsewhere]
    assert rig.desk.firing.waiting_count() == 2
    await rig.wait(1)

    assert rig.broker.placed == orders


@on_virtual_time
async def test_what_was_on_its_way_when_a_limit_was_put_waits_for_a_place_in_it(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.script += [keep, keep]
    (first,) = await rig.submit(rig.buy())
    (second,) = await rig.submit(rig.buy())
    rig.desk.handle(limited(RateLimit(1, 1_000)))
    await rig.wait()

    for order in (first, second):
        write(rig.broker.asked[rig.broker.placed.index(order)], rig.broker.tickets[order])
    await rig.wait(0.5)
    assert [rig.status(order) for order in (first, second)] == [OrdStatus.PENDING_NEW] * 2
    assert len(rig.events(DispatchLapsed)) == 2
    await rig.wait(2)

    assert rig.broker.placed == [first, second, first, second]
    assert [rig.status(order) for order in (first, second)] == [OrdStatus.SENT] * 2
    (lane,) = rig.desk.firing.turns
    assert lane.window.pending == 0


@on_virtual_time
async def test_orders_that_could_not_be_written_go_as_they_were_planned(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.script += [keep, keep, keep]
    orders = [order for _ in range(3) for order in await rig.submit(rig.buy())]

    for request, order in zip(tuple(rig.broker.asked), orders, strict=True):
        unreachable(request, rig.broker.tickets[order])
    await rig.wait(2)

    assert rig.broker.placed[-3:] == orders


@on_virtual_time
async def test_an_order_that_waits_behind_another_expires_too(rig: Rig) -> None:
    rig.broker.declare(kind=BrokerKind.NO_TAG)
    await rig.start()
    await rig.account()
    await rig.submit(rig.buy())
    (behind,) = await rig.submit(rig.buy(expires_s=2))

    await rig.wait(3)

    assert rig.status(behind) is OrdStatus.EXPIRED


@on_virtual_time
async def test_a_replace_goes_after_what_was_planned_before_it_and_before_what_came_later(
    rig: Rig,
) -> None:
    rig.broker.declare(limits=(ScopedLimit(LimitScope.LOGIN, RateLimit(1, 1_000)),))
    await rig.start()
    for account in ("A1", "A2", "A3"):
        await rig.account(account)
    await rig.wait(1)
    works = await rig.bought("A1")
    (before,) = await rig.submit(rig.buy("A2"))
    await rig.desk.execute(c.ReplaceOrder(ORIGIN, works, quantity=whole(20)))
    (later,) = await rig.submit(rig.buy("A3"))

    await rig.wait(4)

    assert [request.cl_ord_id for request in rig.broker.asked] == [works, before, works, later]
