"""An exit out of anything, whatever the broker does meanwhile, ends flat.

Whatever signals, orders, cancels, earlier exits and lost answers led there, everything is exited;
then only the broker and the wire act, in any order, and in the end they have answered everything.
``Encounter`` looks after every command that nobody sells what he has not, or what is sold already.
"""

from random import Random

import msgspec
import pytest

from phalanx.domain.instructions import ExitRequest, ExitScope, OrderRequest
from phalanx.domain.orders import TERMINAL, ExecType, OrdStatus, OrdType, Side
from phalanx.engine import commands as c
from phalanx.engine.state import Order, position_key
from tests.engine_world import LOCAL, PAPER, fixed
from tests.property.engine.every_kind import NAMES
from tests.property.engine.profile import SOAK
from tests.property.engine.test_honest_broker import RULES, HonestBroker
from tests.property.engine.test_walks import PERCENTS, STEPS_OF_A_WALK, Step, big, fill

WALKS = 60 * SOAK
ROUNDS_MAX = 60
RESTING = [(OrdType.LIMIT, "101", ""), (OrdType.STOP_LIMIT, "94", "95"), (OrdType.STOP, "95", "95")]


def resting_sell(machine: HonestBroker, random: Random) -> None:
    """A sell of part of what is held, which waits for its price."""
    world = machine.world
    account = random.choice(["A1", "A2"])
    lots = [lot for lot in world.lots(account) if lot.available > 0]
    for lot in random.choices(lots, k=min(1, len(lots))):
        instrument = world.index.get(lot.instrument)
        assert instrument is not None
        lot_size = instrument.lot_size
        ord_type, price, stop = random.choice(RESTING)
        quantity = random.randint(0, lot.available // lot_size) * lot_size
        request = OrderRequest(
            0, account, lot.instrument, Side.SELL, lot.product, ord_type, quantity, fixed(price)
        )
        request = msgspec.structs.replace(request, stop_price=fixed(stop or "0"))
        machine.encounter.tell(c.Submit(LOCAL, request))


def lose_called_back(machine: HonestBroker, random: Random) -> None:
    """An order that somebody calls back never arrives."""
    orders = machine.world.state.orders
    for cl_ord_id in [k for k in machine.broker.flying if orders[k].closed_by is not None][:1]:
        del machine.broker.flying[cl_ord_id]


BEFORE: list[tuple[int, Step]] = [
    *STEPS_OF_A_WALK,
    (30, resting_sell),
    (10, lambda m, _: m.everything_flows(2)),
]

AFTER: list[tuple[int, Step]] = [
    (14, lambda m, r: m.dispatch(big(r))),
    (14, lambda m, r: m.dispatch_request(big(r))),
    (4, lambda m, r: m.never_written(big(r), again=True)),
    (4, lambda m, r: m.time_out(big(r))),
    (4, lambda m, r: m.request_fails(big(r), r.choice(["unwritten", "lost", "late"]))),
    (6, lambda m, r: m.look_up(big(r))),
    (14, lambda m, r: m.arrive(big(r), 0)),
    (2, lose_called_back),
    (16, fill),
    (14, lambda m, r: m.answer_request(big(r), r.randint(1, 3))),
    (30, lambda m, r: m.deliver(big(r), again=r.random() < 0.2)),
]


def steps(machine: HonestBroker, random: Random, table: list[tuple[int, Step]], most: int) -> None:
    weights = [weight for weight, _ in table]
    for _ in range(random.randint(0, most)):
        ((_, step),) = random.choices(table, weights)
        step(machine, random)


def believed_ended(machine: HonestBroker) -> set[tuple[str, str]]:
    """Where an order counts as ended that the broker fills, or filled, all the same: no exit sees that."""
    found = set()
    for cl_ord_id, order in machine.world.state.orders.items():
        true = machine.broker.orders.get(cl_ord_id)
        more = true is not None and true.cum_quantity > order.cum_quantity
        lives = cl_ord_id in machine.broker.flying or (true is not None and true.end is None)
        if order.status in TERMINAL and (more or lives):
            found.add(place(order))
    return found


def place(order: Order) -> tuple[str, str]:
    return order.draft.book, position_key(order.draft.instrument, order.draft.product)


def come_to_an_end(machine: HonestBroker) -> None:
    """All that is asked for is granted, and what nobody calls back is filled."""
    encounter, broker = machine.encounter, machine.broker
    for _ in range(ROUNDS_MAX):
        if not (encounter.working() or broker.flying or broker.alive() or broker.outbox):
            return
        machine.dispatch_all()
        for order in encounter.waiting_requests():
            encounter.send_request(order)
        for cl_ord_id in list(broker.flying):
            broker.arrive(cl_ord_id)
        for request in list(broker.requests):
            broker.answer(request)
        fill_what_nobody_calls_back(machine)
        encounter.deliver_all()
        for order in encounter.working():
            if order.status not in {*TERMINAL, OrdStatus.PENDING_NEW}:
                encounter.resolve(order)
    raise AssertionError(encounter.working())


def fill_what_nobody_calls_back(machine: HonestBroker) -> None:
    for true in machine.broker.alive():
        order = machine.world.state.orders.get(true.cl_ord_id)
        if order is None:
            machine.broker.finish(true, ExecType.CANCELED)  # retired as one that never arrived
        elif order.request is None:
            machine.fill_part(true, 4, 100)


@pytest.mark.parametrize("seed", range(WALKS))
def test_an_exit_ends_flat_whatever_came_before_and_whatever_the_broker_does(seed: int) -> None:
    random = Random(seed)
    machine = HonestBroker()
    machine.world.capabilities["paper"] = msgspec.structs.replace(
        PAPER, ord_types=frozenset(OrdType)
    )
    machine.begin([random.choice(RULES) for _ in range(6)])
    steps(machine, random, BEFORE, 120)
    if random.random() < 0.3:
        machine.exit(random.choice(["", *NAMES]), random.choice(PERCENTS), ExitScope.BOTH, "", None)
        steps(machine, random, AFTER, 30)

    beyond_it = believed_ended(machine)
    sells = [o for o in machine.encounter.working() if o.draft.side is Side.SELL]
    machine.encounter.exit(ExitRequest())
    on_their_way = [order for order in sells if order.closed_by is None]
    steps(machine, random, AFTER, 120)
    come_to_an_end(machine)
    # Those were left to do it: what their broker, or time, ended before they were filled, stays; and
    # what they sell too much after another sell that counted as ended was filled is nobody's.
    beyond_it |= {
        place(order)
        for order in on_their_way
        if order.cum_quantity < order.quantity or place(order) in machine.encounter.excused
    }

    for book in machine.world.state.books.values():
        assert {key for key in book.positions if (book.id, key) not in beyond_it} == set()
        assert book.holds == 0
    machine.encounter.check_replay()
