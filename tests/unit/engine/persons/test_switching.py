"""From paper to live and back: who may, when, and where an account trades then."""

import msgspec
import pytest

from phalanx.domain.accounts import Account, LivePlace, Mode
from phalanx.domain.events import AccountPut
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.orders import Side
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state
from tests.engine_world import LOCAL, PAPER, World

ANN = Origin("ann", Door.ACCOUNTS)
PLACE = LivePlace("dealer", "D1", "AA020")


@pytest.fixture
def world() -> World:
    """Two accounts on paper, of which the first has a place to be live at."""
    world = World()
    world.capabilities["dealer"] = msgspec.structs.replace(
        PAPER, name="dealer", modes=frozenset({Mode.LIVE})
    )
    world.account(1)
    world.account(2)
    put(world, live=PLACE)
    return world


def put(world: World, **terms: object) -> None:
    account = msgspec.structs.replace(world.state.accounts["A1"], **terms)
    world.do(c.PutReference(LOCAL, accounts=(account,)))


def switched(world: World, mode: Mode = Mode.LIVE) -> Account:
    return world.one(c.SwitchMode(ANN, "A1", mode), AccountPut).account


def refusal(world: World, command: c.Command) -> str:
    with pytest.raises(Refused) as caught:
        world.do(command)
    return caught.value.code


def test_it_goes_to_its_place_and_back_to_paper(world: World) -> None:
    live = switched(world)
    assert (live.mode, live.broker, live.login, live.book) == (Mode.LIVE, "dealer", "D1", "A1/L")

    back = switched(world, Mode.PAPER)
    assert (back.mode, back.broker, back.login) == (Mode.PAPER, "paper", "paper")
    assert back.live == PLACE
    assert switched(world) == live


def test_it_is_armed_after_the_switch_not_before_and_not_once_it_was_back(world: World) -> None:
    switched(world)
    assert "A1" not in world.state.armed
    world.do(c.ArmAccounts(ANN, ("A1",)))

    switched(world, Mode.PAPER)
    switched(world)

    assert "A1" not in world.state.armed


def test_what_it_holds_on_paper_stays_there(world: World) -> None:
    world.filled(world.order(quantity="5").orders[0].cl_ord_id)

    switched(world)

    assert world.state.books["A1/P"].lots
    assert not world.state.books["A1/L"].lots
    world.do(c.ArmAccounts(ANN, ("A1",)))
    planned = world.order(Side.SELL, quantity="5")
    assert not planned.orders


def test_one_that_was_opened_live_finds_the_way_back(world: World) -> None:
    put(world, mode=Mode.LIVE, broker="dealer", login="D9", live=LivePlace())

    assert switched(world, Mode.PAPER).live == LivePlace("dealer", "D9")
    assert switched(world).login == "D9"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (c.SwitchMode(Origin("key:algo", Door.ACCOUNTS), "A1", Mode.LIVE), "PERSON_NEEDED"),
        (c.SwitchMode(ANN, "NOBODY", Mode.LIVE), "UNKNOWN_ACCOUNT"),
        (c.SwitchMode(ANN, "A1", Mode.PAPER), "NOTHING_TO_CHANGE"),
        (c.SwitchMode(ANN, "A2", Mode.LIVE), "NO_LIVE_PLACE"),
    ],
)
def test_what_is_no_switch(world: World, command: c.SwitchMode, code: str) -> None:
    before = world.state.accounts["A1"]

    assert refusal(world, command) == code
    assert world.state.accounts["A1"] == before


@pytest.mark.parametrize(
    ("broker", "code"), [("nowhere", "UNKNOWN_BROKER"), ("paper", "MODE_NOT_SUPPORTED")]
)
def test_a_place_that_is_none(world: World, broker: str, code: str) -> None:
    put(world, live=LivePlace(broker, "D1"))

    assert refusal(world, c.SwitchMode(ANN, "A1", Mode.LIVE)) == code


def test_not_while_an_order_works_or_is_in_doubt(world: World) -> None:
    order = world.order(quantity="5").orders[0]
    assert refusal(world, c.SwitchMode(ANN, "A1", Mode.LIVE)) == "ORDERS_WORKING"

    world.filled(order.cl_ord_id)

    assert switched(world).mode is Mode.LIVE


def test_the_place_of_a_live_account_stays(world: World) -> None:
    switched(world)
    with pytest.raises(Refused, match="LIVE_PLACE_IN_USE"):
        put(world, live=LivePlace("dealer", "D2"))

    switched(world, Mode.PAPER)
    put(world, live=LivePlace("dealer", "D2"))
    assert switched(world).login == "D2"


def test_a_place_survives_a_snapshot(world: World) -> None:
    switched(world)

    assert decode_state(encode_state(world.state)).accounts["A1"].live == PLACE
