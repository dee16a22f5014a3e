"""The worked example of the signal API, to the letter."""

import pytest

from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import called_instrument
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.strategies import SellScope, Subscription
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, World

HOLLAND, OAKLEE = "PAPER-1", "PAPER-2"

PROFILES = {
    "Holland Proctor": {
        "STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"],
        "STRATEGY_B": ["MINDA"],
    },
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}


@pytest.fixture
def world() -> World:
    world = World()
    world.do(c.ImportProfiles(LOCAL, PROFILES, whole(1_000_000)))
    return world


def filled(world: World, planned: InstructionPlanned) -> None:
    for draft in planned.orders:
        world.filled(draft.cl_ord_id)


def accounts(planned: InstructionPlanned) -> list[str]:
    return [draft.book.split("/")[0] for draft in planned.orders]


def test_the_four_signals_come_out_as_written(world: World) -> None:
    first = world.signal("STRATEGY_A", "GRASIM", Side.SELL)
    second = world.signal("STRATEGY_B", "MINDA", Side.BUY)
    filled(world, second)
    third = world.signal("STRATEGY_D", "INFY", Side.BUY)
    fourth = world.signal("STRATEGY_A", "MINDA", Side.SELL)

    assert first.refusal is not None
    assert first.refusal.code is ReasonCode.NOTHING_VALID
    assert [(s.account, s.reason.code) for s in first.skips] == [(HOLLAND, ReasonCode.NO_OPEN_LOT)]
    assert second.refusal is None
    assert accounts(second) == [HOLLAND]
    assert third.refusal is not None
    assert world.reasons(third) == ["NOT_IN_SUBSCRIPTION"]
    assert fourth.refusal is None
    assert accounts(fourth) == [HOLLAND]
    assert fourth.orders[0].strategy == "STRATEGY_B"
    filled(world, fourth)
    assert world.lots(HOLLAND) == []
    assert world.book(HOLLAND).cash == whole(1_000_000)


def test_the_fourth_also_closes_a_buy_that_is_not_filled_yet(world: World) -> None:
    second = world.signal("STRATEGY_B", "MINDA", Side.BUY)
    fourth = world.signal("STRATEGY_A", "MINDA", Side.SELL)

    assert fourth.refusal is None
    assert fourth.orders == ()
    assert [cancel.cl_ord_id for cancel in fourth.cancels] == [second.orders[0].cl_ord_id]
    assert world.lots(HOLLAND) == []


def test_the_names_of_the_example_stay_the_callers_own(world: World) -> None:
    planned = world.signal("STRATEGY_B", "MINDA", Side.BUY)

    assert called_instrument(planned.request) == "MINDA"
    assert planned.instruments[0].symbol == "UNOMINDA"


def test_under_the_scope_strategy_the_fourth_is_rejected(world: World) -> None:
    world.do(
        c.PutReference(
            LOCAL,
            subscriptions=tuple(
                Subscription(
                    HOLLAND,
                    strategy,
                    tuple(world.key(name) for name in names),
                    sell_scope=SellScope.STRATEGY,
                )
                for strategy, names in PROFILES["Holland Proctor"].items()
            ),
        )
    )
    filled(world, world.signal("STRATEGY_B", "MINDA", Side.BUY))

    fourth = world.signal("STRATEGY_A", "MINDA", Side.SELL)
    fifth = world.signal("STRATEGY_B", "MINDA", Side.SELL)

    assert world.reasons(fourth) == ["NO_OPEN_LOT"]
    assert accounts(fifth) == [HOLLAND]
