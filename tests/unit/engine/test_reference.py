import msgspec
import pytest

from phalanx.domain.accounts import Account, Client, Mode
from phalanx.domain.events import InstrumentsLoaded
from phalanx.domain.numbers import FIXED_MAX, whole
from phalanx.domain.orders import ExecType
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Strategy, Subscription
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from tests.engine_world import LOCAL, World


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1, "100")
    return world


def refusal(world: World, command: c.Command) -> str:
    before = list(world.journal)
    with pytest.raises(Refused) as refused:
        world.do(command)
    assert world.journal == before
    return refused.value.code


def test_an_account_has_both_its_books_from_the_first_moment(world: World) -> None:
    assert {book.mode for book in world.state.books.values() if book.account == "A1"} == set(Mode)


def test_an_account_that_is_put_again_keeps_its_books(world: World) -> None:
    live = msgspec.structs.replace(world.state.accounts["A1"], mode=Mode.LIVE)

    world.do(c.PutReference(LOCAL, accounts=(live,)))

    assert world.book().cash == whole(100)
    assert world.state.accounts["A1"].book == "A1/L"


def test_only_what_changes_is_journaled(world: World) -> None:
    strategy, subscription = Strategy("RED", ("NSE:6",)), Subscription("A1", "RED")
    everything = c.PutReference(
        LOCAL,
        (Client(1, "Client 1"), Client(2, "Bo")),
        (world.state.accounts["A1"], Account("A2", 2)),
        (strategy,),
        (subscription,),
        settings=RiskSettings(band_bps=500),
    )

    assert len(world.do(everything)) == 5
    assert world.do(everything) == []
    assert world.state.settings.band_bps == 500


def test_cash_may_come_with_the_account_and_to_either_of_its_books(world: World) -> None:
    new = c.PutReference(
        LOCAL,
        (Client(2, "Bo"),),
        (Account("A2", 2),),
        cash=(("A2/P", whole(5), ""), ("A2/L", whole(7), "")),
    )

    world.do(new)

    assert world.book("A2").cash == whole(5)
    assert world.book("A2", Mode.LIVE).cash == whole(7)


def test_cash_comes_and_goes(world: World) -> None:
    world.do(c.PutReference(LOCAL, cash=(("A1/P", whole(5), "in"), ("A1/P", -whole(200), "out"))))

    assert world.book().cash == -whole(95)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (c.PutReference(LOCAL, accounts=(Account("A2", 9),)), "UNKNOWN_CLIENT"),
        (
            c.PutReference(LOCAL, (Client(2, "Bo"),), (Account("A1", 2),)),
            "ACCOUNT_MOVED",
        ),
        (c.PutReference(LOCAL, subscriptions=(Subscription("A9", "RED"),)), "UNKNOWN_ACCOUNT"),
        (c.PutReference(LOCAL, subscriptions=(Subscription("A1", "RED"),)), "UNKNOWN_STRATEGY"),
        (c.PutReference(LOCAL, cash=(("A9/P", 1, ""),)), "UNKNOWN_ACCOUNT"),
        (c.PutReference(LOCAL, cash=(("A1/P", FIXED_MAX, ""),)), "NUMBER_TOO_LARGE"),
        (
            c.PutReference(LOCAL, cash=(("A1/P", -FIXED_MAX, ""), ("A1/P", -FIXED_MAX, ""))),
            "NUMBER_TOO_LARGE",
        ),
    ],
)
def test_what_does_not_fit_is_refused_whole(world: World, command: c.Command, code: str) -> None:
    assert refusal(world, command) == code


@pytest.mark.parametrize("change", [{"broker": "other"}, {"login": "other"}])
def test_an_account_with_orders_keeps_its_broker_and_its_login(
    world: World, change: dict[str, str]
) -> None:
    account = world.state.accounts["A1"]
    moved = c.PutReference(LOCAL, accounts=(msgspec.structs.replace(account, **change),))
    (draft,) = world.order(quantity="1", price="90").orders
    world.unknown(draft.cl_ord_id)
    assert refusal(world, moved) == "ORDERS_WORKING"
    world.report(draft.cl_ord_id, ExecType.NEW)
    assert refusal(world, moved) == "ORDERS_WORKING"
    other = msgspec.structs.replace(account, charge_bps=7)
    assert len(world.do(c.PutReference(LOCAL, accounts=(other,)))) == 1

    world.report(draft.cl_ord_id, ExecType.CANCELED)

    assert len(world.do(moved)) == 1


def test_another_instrument_file_comes_into_force_once(world: World) -> None:
    command = c.LoadInstruments(LOCAL, "abc", 8, "nse.csv")

    (event,) = world.do(command)

    assert isinstance(event, InstrumentsLoaded)
    assert world.state.instruments_sha256 == "abc"
    assert world.do(command) == []
    (second,) = world.do(c.LoadInstruments(LOCAL, "def", 9, "nse.csv"))
    assert isinstance(second, InstrumentsLoaded)
    assert (event.before, second.before) == ("", "abc")
