"""Long seeded walks over the same rules: what shrinking machines seldom reach, these do by volume."""

from collections.abc import Callable
from random import Random

import pytest

from phalanx.domain.allocation import Leftover, ListMethod
from phalanx.domain.instructions import ExitRequest, ExitScope, SignalRequest
from phalanx.domain.orders import ExecType, Side
from tests.property.engine.every_kind import (
    AMOUNTS,
    LIMITS,
    NAMES,
    PRICES,
    PRODUCTS,
    STRATEGIES,
    Line,
    basket,
)
from tests.property.engine.profile import SOAK
from tests.property.engine.test_honest_broker import RULES, HonestBroker

STEPS = 250
WALKS = 40 * SOAK

Step = Callable[[HonestBroker, Random], None]

PERCENTS = [10_000, 10_000, 5_000, 3_300]
ENDS = [ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED]


def big(random: Random) -> int:
    return random.randrange(1_000)


def signal(machine: HonestBroker, random: Random) -> None:
    machine.signal(random.choice(STRATEGIES), random.choice(NAMES), random.choice(list(Side)))


def order(machine: HonestBroker, random: Random) -> None:
    machine.order(
        random.randint(1, 2),
        random.choice(NAMES),
        random.choice(list(Side)),
        random.randint(1, 30),
        random.choice(["", "99", "101.5"]),
        random.choice(PRODUCTS),
    )


def exit_something(machine: HonestBroker, random: Random) -> None:
    machine.exit(
        random.choice(["", *NAMES]),
        random.choice(PERCENTS),
        random.choice(list(ExitScope)),
        random.choice(["", "", "99"]),
        random.choice([None, None, 25]),
    )


def lines(random: Random) -> list[Line]:
    return [
        Line(
            random.randint(1, 2),
            random.choice(NAMES),
            random.choice(list(Side)),
            random.randint(1, 20),
            random.choice(PRICES),
            random.choice(PRODUCTS),
        )
        for _ in range(random.randint(1, 4))
    ]


def allocate(machine: HonestBroker, random: Random) -> None:
    method, side = random.choice(list(AMOUNTS)), random.choice(list(Side))
    machine.allocate(random.choice(NAMES), side, method, grouped=random.random() < 0.5)


def priority_buy(machine: HonestBroker, random: Random) -> None:
    method, leftover = random.choice(list(ListMethod)), random.choice(list(Leftover))
    machine.priority_buy(method, leftover, random.randint(0, 2), kept=random.random() < 0.5)


def hold(machine: HonestBroker, random: Random) -> None:
    strategy, name = random.choice(STRATEGIES), random.choice(NAMES)
    request = random.choice(
        [
            SignalRequest(strategy, name, random.choice(list(Side))),
            ExitRequest(name),
            basket(lines(random)),
        ]
    )
    machine.hold(request, random.choice([1, 5, 60]))


def release(machine: HonestBroker, random: Random) -> None:
    if machine.world.state.held:
        machine.release(wait=random.random() < 0.5)


def change_something(machine: HonestBroker, random: Random) -> None:
    change = random.randrange(4)
    if change == 0:
        machine.change_group(random.choice(["0.5", "1", "3"]), alone=random.random() < 0.5)
    elif change == 1:
        machine.change_list(random.sample(NAMES, 3), random.randint(1, 3))
    elif change == 2:
        machine.put_limit(random.choice(LIMITS))
    else:
        machine.lift_limits()


def fill(machine: HonestBroker, random: Random) -> None:
    machine.fill(big(random), random.randint(1, 4), random.choice([95, 100, 101]))


STEPS_OF_A_WALK: list[tuple[int, Step]] = [
    (20, signal),
    (8, order),
    (3, exit_something),
    (2, lambda m, r: m.exit_trade(big(r), r.choice(PERCENTS))),
    (1, lambda m, r: m.exit_what_is_held(r.choice(list(ExitScope)))),
    (2, lambda m, r: m.cancel_rest(big(r))),
    (4, lambda m, r: m.batch(lines(r))),
    (2, allocate),
    (1, priority_buy),
    (2, hold),
    (3, release),
    (3, lambda m, r: m.order_hand_fill(big(r), r.randint(1, 2))),
    (6, lambda m, _: m.do_hand_fills()),
    (2, change_something),
    (6, lambda m, r: m.everything_flows(r.randint(0, 4))),
    (6, lambda m, r: m.cancel(big(r))),
    (14, lambda m, r: m.replace(big(r), r.randint(1, 60), r.choice([None, 98, 102]))),
    (1, lambda m, r: m.kill(r.choice(["", "A1"]))),
    (8, lambda m, _: m.lift_kills()),
    (2, lambda m, r: m.price_moves(r.choice(NAMES), r.choice(["96", "100", "103"]))),
    (14, lambda m, r: m.dispatch(big(r))),
    (4, lambda m, _: m.dispatch_all()),
    (2, lambda m, r: m.never_written(big(r), again=r.random() < 0.5)),
    (3, lambda m, r: m.time_out(big(r))),
    (1, lambda m, r: m.expire(big(r))),
    (16, lambda m, r: m.dispatch_request(big(r))),
    (3, lambda m, r: m.request_fails(big(r), r.choice(["unwritten", "lost", "late"]))),
    (4, lambda m, r: m.look_up(big(r))),
    (1, lambda m, _: m.restart()),
    (1, lambda m, r: m.time_passes(r.choice([1, 31, 3_700, 90_000]))),
    (14, lambda m, r: m.arrive(big(r), r.randint(0, 8))),
    (1, lambda m, r: m.lose(big(r))),
    (14, fill),
    (2, lambda m, r: m.end_unasked(big(r), r.choice(ENDS))),
    (12, lambda m, r: m.answer_request(big(r), r.randint(0, 3))),
    (25, lambda m, r: m.deliver(big(r), again=r.random() < 0.2)),
    (3, lambda m, _: m.deliver_all()),
]


def walk(machine: HonestBroker, seed: int, steps: list[tuple[int, Step]]) -> None:
    random = Random(seed)
    machine.begin([random.choice(RULES) for _ in range(6)])
    weights = [weight for weight, _ in steps]
    for _ in range(STEPS):
        ((_, step),) = random.choices(steps, weights)
        step(machine, random)
    machine.teardown()


@pytest.mark.parametrize("seed", range(WALKS))
def test_a_long_walk_with_an_honest_broker(seed: int) -> None:
    walk(HonestBroker(), seed, STEPS_OF_A_WALK)
