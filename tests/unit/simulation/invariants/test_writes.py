"""What may not be written: each rule by itself, over a state that says just what it asks about."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from phalanx.brokers.port import CancelRequest, PlaceRequest, ReplaceRequest
from phalanx.domain.accounts import RateLimit
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.kills import EVERYBODY, DirectKill, KillLevel, KillScope
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, OrdType, Product, Side, TimeInForce
from phalanx.engine.state import Order, State
from phalanx.simulation.invariants.disk import Disk
from phalanx.simulation.invariants.named import Invariant, Violation
from phalanx.simulation.invariants.writes import Line, Request, Writes
from phalanx.simulation.kill_flag import SimulatedKillFlag

PRICE = whole(100)
N = Line(BrokerKind.NO_TAG)


def an_order(tag: str, *, reduces: bool = False, status: OrdStatus = OrdStatus.SENT) -> Order:
    draft = SimpleNamespace(
        cl_ord_id=tag,
        book="A/P",
        instrument="NSE:1",
        side=Side.BUY,
        reduce_only=reduces,
        strategy="ALPHA",
    )
    order = SimpleNamespace(draft=draft, status=status, quantity=whole(10), limit=PRICE)
    return cast("Order", order)


def a_state(*orders: Order, kills: tuple[KillScope, ...] = ()) -> State:
    account = SimpleNamespace(id="A", broker="X", client_id=7, rate_limit=RateLimit())
    state = SimpleNamespace(
        accounts={"A": account},
        orders={one.draft.cl_ord_id: one for one in orders},
        open_orders=lambda: list(orders),
        kills={one.key: SimpleNamespace(scope=one) for one in kills},
    )
    return cast("State", state)


def a_judge(state: State, flag: SimulatedKillFlag | None = None) -> Writes:
    keys = (*state.orders, *(f"R{tag}" for tag in state.orders))
    disk = SimpleNamespace(
        follow=lambda: None,
        fresh=list(keys),
        dispatched=dict.fromkeys(keys, whole(1)),
        drafts={tag: one.draft for tag, one in state.orders.items()},
    )
    return Writes(cast("Disk", disk), lambda: 0, flag or SimulatedKillFlag())


def place(tag: str) -> PlaceRequest:
    return PlaceRequest(
        tag,
        "A",
        "NSE:1",
        Side.BUY,
        Product.DELIVERY,
        OrdType.LIMIT,
        TimeInForce.DAY,
        whole(10),
        PRICE,
    )


def replace(tag: str, quantity: int = 10, price: int = 100) -> ReplaceRequest:
    return ReplaceRequest(f"R{tag}", tag, "X-1", "A", whole(quantity), whole(price))


def breach(look: Callable[[], None]) -> Invariant:
    with pytest.raises(Violation) as caught:
        look()
    return caught.value.invariant


@pytest.mark.parametrize("request_", [place("T1"), replace("T1")])
def test_nothing_new_is_written_before_the_book_was_read(request_: Request) -> None:
    state = a_state(an_order("T1"))
    unread = Line(BrokerKind.LOOK_UP, has_read=False)

    assert breach(lambda: a_judge(state).see(request_, state, unread)) is Invariant.READ_FIRST


def test_a_cancel_is_written_unread_and_killed_or_not() -> None:
    state = a_state(an_order("T1"), kills=(EVERYBODY,))

    unread = Line(BrokerKind.LOOK_UP, has_read=False)
    a_judge(state).see(CancelRequest("RT1", "T1", "X-1", "A"), state, unread)


@pytest.mark.parametrize(
    "scope",
    [
        EVERYBODY,
        KillScope(KillLevel.BROKER, "X"),
        KillScope(KillLevel.STRATEGY, "ALPHA"),
        KillScope(KillLevel.CLIENT, "7"),
        KillScope(KillLevel.ACCOUNT, "A"),
    ],
)
@pytest.mark.parametrize("request_", [place("T1"), replace("T1", 11), replace("T1", 10, 101)])
def test_nothing_that_adds_risk_is_written_under_a_kill(
    scope: KillScope, request_: Request
) -> None:
    state = a_state(an_order("T1"), kills=(scope,))

    assert breach(lambda: a_judge(state).see(request_, state)) is Invariant.STOPPED_BY_KILL


def test_what_lessens_risk_is_written_under_a_kill() -> None:
    state = a_state(an_order("T1"), an_order("T2", reduces=True), kills=(EVERYBODY,))
    judge = a_judge(state)

    judge.see(replace("T1", 9, 100), state)
    judge.see(place("T2"), state)
    judge.see(replace("T2", 11), state)


@pytest.mark.parametrize("torn", [False, True])
def test_a_kill_past_the_desk_counts_from_the_moment_it_was_ordered(torn: bool) -> None:
    state, flag = a_state(an_order("T1")), SimulatedKillFlag()
    scope = KillScope(KillLevel.ACCOUNT, "other" if torn else "A")
    flag.order(DirectKill("K1", scope, "somebody", "", 0))
    flag.is_torn = torn

    assert breach(lambda: a_judge(state, flag).see(place("T1"), state)) is Invariant.STOPPED_BY_KILL


def test_a_second_order_in_flight_is_told_where_tags_are_not_kept() -> None:
    first, second = an_order("T1"), an_order("T2")
    state = a_state(first, second)
    judge = a_judge(state)
    judge.see(place("T1"), state, N)

    assert breach(lambda: judge.see(place("T2"), state, N)) is Invariant.ONE_IN_FLIGHT


def test_the_next_order_may_go_once_the_one_before_is_answered_or_the_broker_keeps_tags() -> None:
    first, second, third = (an_order(tag) for tag in ("T1", "T2", "T3"))
    state = a_state(first, second, third)
    judge = a_judge(state)
    judge.see(place("T1"), state, N)

    judge.see(place("T2"), state, Line(BrokerKind.LOOK_UP))
    first.status = second.status = OrdStatus.NEW
    judge.see(place("T3"), state, N)
