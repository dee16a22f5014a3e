"""The brokers' books against ours: what is not the same is told."""

from types import SimpleNamespace
from typing import cast

import pytest

from phalanx.brokers.port import ReplaceRequest
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrderDraft, OrdStatus
from phalanx.engine.state import State
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.invariants.brokers import Brokers
from phalanx.simulation.invariants.disk import Disk
from phalanx.simulation.invariants.named import Invariant, Violation
from phalanx.simulation.virtual import VirtualClock, VirtualLoop, simulate
from tests.unit.simulation.test_exchange import TAG, order


def an_exchange() -> StubExchange:
    found: list[StubExchange] = []

    async def story(loop: VirtualLoop) -> None:
        exchange = StubExchange("X", BrokerKind.LOOK_UP, VirtualClock(loop))
        exchange.open("A", whole(10_000))
        exchange.place(order(), "somebody")
        found.append(exchange)

    simulate(story)
    return found[0]


def a_disk(replaced: int = 0, drafts: tuple[str, ...] = (TAG,)) -> Disk:
    executions = SimpleNamespace(replaced={TAG: replaced} if replaced else {})
    tags = dict.fromkeys(drafts)
    disk = SimpleNamespace(executions=executions, drafts=tags, dispatched=dict(tags), absent=set())
    return cast("Disk", disk)


def our_state(exchange: StubExchange, **other: object) -> State:
    theirs = next(exchange.orders())
    ours = {
        "status": OrdStatus.NEW,
        "quantity": theirs.quantity,
        "limit": theirs.limit,
        "request": None,
        "replacing": None,
        **other,
    }
    return cast("State", SimpleNamespace(orders={TAG: SimpleNamespace(**ours)}))


@pytest.mark.parametrize("other", [{"quantity": whole(99)}, {"limit": whole(1)}])
def test_an_order_that_works_on_other_terms_than_ours_is_told(other: dict[str, int]) -> None:
    exchange = an_exchange()
    brokers = Brokers({"X": exchange}, a_disk())
    brokers.check(our_state(exchange))

    with pytest.raises(Violation) as caught:
        brokers.check(our_state(exchange, **other))

    assert caught.value.invariant is Invariant.TERMS


def test_where_the_journal_lost_a_request_the_terms_may_differ() -> None:
    exchange = an_exchange()
    brokers = Brokers({"X": exchange}, a_disk())

    brokers.forget({TAG: TAG, "R1": TAG}, a_disk())

    assert brokers.lost == {"R1"}
    brokers.check(our_state(exchange, quantity=whole(99)))


def test_while_a_request_is_under_way_the_terms_may_differ() -> None:
    exchange = an_exchange()

    Brokers({"X": exchange}, a_disk()).check(our_state(exchange, quantity=whole(99), request=1))


def test_an_order_that_expired_with_us_and_not_at_its_broker_is_told() -> None:
    exchange = an_exchange()
    brokers = Brokers({"X": exchange}, a_disk())

    with pytest.raises(Violation) as caught:
        brokers.check(our_state(exchange, status=OrdStatus.EXPIRED))
    exchange.end_day()

    assert caught.value.invariant is Invariant.EXPIRED_THERE
    brokers.check(our_state(exchange, status=OrdStatus.EXPIRED))


def test_a_replace_is_booked_only_once_its_broker_granted_it() -> None:
    exchange = an_exchange()
    brokers = Brokers({"X": exchange}, a_disk(replaced=1))

    with pytest.raises(Violation) as caught:
        brokers.check_granted()
    theirs = next(exchange.orders())
    more = theirs.quantity + whole(1)
    exchange.replace(ReplaceRequest("R1", TAG, theirs.order_id, "A", more, theirs.limit))

    assert caught.value.invariant is Invariant.TERMS
    brokers.check_granted()


def test_of_what_the_journal_lost_nothing_is_asked_but_whose_it_is() -> None:
    exchange = an_exchange()
    brokers = Brokers({"X": exchange}, a_disk())
    left = a_disk(drafts=())

    brokers.forget({TAG: TAG}, left)

    brokers.check()
    assert brokers.unknown == {TAG}
    assert brokers.is_in_disarray("A")
    assert not brokers.is_muddled()
    left.drafts[TAG] = cast("OrderDraft", None)
    assert brokers.is_muddled()
