"""Firing from a preview: what was looked at, or MOVED, and never a third thing."""

from collections.abc import Callable

import msgspec
import pytest

from phalanx.domain.accounts import Account, Mode
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import (
    CancelRestRequest,
    OrderRequest,
    SignalRequest,
)
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Sizing, SizingRule
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from tests.engine_preview import Looked, PreviewWorld, outcomes
from tests.engine_world import LOCAL, fixed
from tests.fakes.kills import of_account

BUY = SignalRequest("RED", "INFY", Side.BUY)
SELL = SignalRequest("RED", "INFY", Side.SELL)
MOVED = ReasonCode.MOVED


@pytest.fixture
def world() -> PreviewWorld:
    """Three clients with an account each, A1 to A3, all subscribed to RED."""
    world = PreviewWorld()
    for client in (1, 2, 3):
        world.subscribe(world.account(client), "RED", "INFY", "ACC")
    return world


def moved(planned: InstructionPlanned) -> dict[str, str]:
    """Account and what of it moved."""
    return {
        skip.account: str(skip.reason.facts[0])
        for skip in planned.skips
        if skip.reason.code is MOVED
    }


def bought_for(world: PreviewWorld, planned: InstructionPlanned) -> set[str]:
    return {world.state.books[draft.book].account for draft in planned.orders}


@pytest.mark.parametrize("seed", range(5))
def test_firing_at_once_gives_what_was_looked_at(world: PreviewWorld, seed: int) -> None:
    world.seed = seed
    world.do(c.PutKill(LOCAL, of_account("A2")))
    looked = world.look(BUY)
    world.seed = seed + 1

    fired = world.fire(looked)

    assert len(fired.orders) == 2
    assert outcomes(world.state, fired) == outcomes(world.state, looked.planned)
    assert fired.orders == looked.planned.orders
    assert fired.instruments == looked.planned.instruments
    assert fired.seed == seed


def test_a_preview_has_no_id_and_changes_nothing(world: PreviewWorld) -> None:
    looked = world.look(BUY)

    assert looked.planned.instruction_id == ""
    assert looked.planned.expires_at == world.now + 30 * SECOND
    assert world.signal("RED", "INFY", Side.BUY).instruction_id == "IAA00000000"


def cash_comes(world: PreviewWorld) -> None:
    world.do(c.PutReference(LOCAL, cash=(("A1/P", 1, ""),)))


def it_trades(world: PreviewWorld) -> None:
    world.order(instrument="ACC")


def its_limits_change(world: PreviewWorld) -> None:
    world.do(c.PutLimits(LOCAL, (Limit(LimitLevel.CLIENT, "1", quantity_max=fixed("5")),)))


def it_is_killed(world: PreviewWorld) -> None:
    world.do(c.PutKill(LOCAL, of_account("A1")))


def its_record_changes(world: PreviewWorld) -> None:
    world.do(c.PutReference(LOCAL, accounts=(Account("A1", 1, charge_bps=3),)))


@pytest.mark.parametrize(
    "happens", [cash_comes, it_trades, its_limits_change, it_is_killed, its_record_changes]
)
def test_an_account_that_does_not_stand_as_it_did_is_left_out(
    world: PreviewWorld, happens: Callable[[PreviewWorld], None]
) -> None:
    looked = world.look(BUY)
    happens(world)

    fired = world.fire(looked)

    assert moved(fired) == {"A1": "cash, holdings, orders or limits"}
    assert bought_for(world, fired) == {"A2", "A3"}
    assert str(fired.skips[-1].reason) == (
        "cash, holdings, orders or limits changed since the preview"
    )


def everybody_is_killed(world: PreviewWorld) -> None:
    world.do(c.PutKill(LOCAL))


def the_strategy_is_killed(world: PreviewWorld) -> None:
    world.do(c.PutKill(LOCAL, KillScope(KillLevel.STRATEGY, "RED")))


def the_broker_is_killed(world: PreviewWorld) -> None:
    world.do(c.PutKill(LOCAL, KillScope(KillLevel.BROKER, "paper")))


def the_settings_change(world: PreviewWorld) -> None:
    world.settings(open_orders_max=9)


def the_strategy_has_another_limit(world: PreviewWorld) -> None:
    world.do(c.PutLimits(LOCAL, (Limit(LimitLevel.STRATEGY, "RED", quantity_max=fixed("5")),)))


@pytest.mark.parametrize(
    "happens",
    [
        *(everybody_is_killed, the_strategy_is_killed, the_broker_is_killed),
        *(the_settings_change, the_strategy_has_another_limit),
    ],
)
def test_what_holds_for_all_moves_all(
    world: PreviewWorld, happens: Callable[[PreviewWorld], None]
) -> None:
    looked = world.look(BUY)
    happens(world)

    fired = world.fire(looked)

    assert set(moved(fired)) == {"A1", "A2", "A3"}
    assert fired.orders == ()
    assert fired.refusal is not None
    assert fired.refusal.code is ReasonCode.NOTHING_VALID


@pytest.mark.parametrize("last", ["99", "101"])
def test_prices_may_tick_within_the_collar(world: PreviewWorld, last: str) -> None:
    looked = world.look(BUY)
    world.price("INFY", last)

    fired = world.fire(looked)

    assert outcomes(world.state, fired) == outcomes(world.state, looked.planned)
    assert fired.instruments == looked.planned.instruments


@pytest.mark.parametrize("last", ["98.95", "101.05", ""])
def test_a_price_outside_the_collar_or_gone_moves_those_who_trade_it(
    world: PreviewWorld, last: str
) -> None:
    looked = world.look(BUY)
    if last:
        world.price("INFY", last)
    else:
        del world.quotes[world.key("INFY")]

    fired = world.fire(looked)

    assert moved(fired) == dict.fromkeys(("A1", "A2", "A3"), "the price of INFY")


def test_the_collar_is_a_setting(world: PreviewWorld) -> None:
    world.settings(collar_bps=500)
    looked = world.look(BUY)
    world.price("INFY", "105")

    assert moved(world.fire(looked)) == {}


def test_a_price_that_moved_is_nothing_to_those_who_are_skipped(world: PreviewWorld) -> None:
    world.do(c.PutKill(LOCAL, of_account("A2")))
    looked = world.look(BUY)
    world.price("INFY", "150")

    assert set(moved(world.fire(looked))) == {"A1", "A3"}


def test_a_pinned_price_is_as_fresh_as_the_live_one(world: PreviewWorld) -> None:
    world.price("INFY", "100", QuoteSource.FEED)
    world.capabilities["paper"] = msgspec.structs.replace(
        world.capabilities["paper"], modes=frozenset(Mode)
    )
    live = Account("A1", 1, mode=Mode.LIVE)
    world.do(c.PutReference(LOCAL, accounts=(live,), cash=(("A1/L", fixed("9000"), ""),)))
    world.arm("A1")
    looked = world.look(BUY)
    world.wait(100)
    world.price("INFY", "100.5", QuoteSource.FEED)

    fired = world.fire(looked)

    assert moved(fired) == {}
    assert "A1" in bought_for(world, fired)


def test_a_live_price_that_went_stale_is_not_fired_at(world: PreviewWorld) -> None:
    world.price("INFY", "100", QuoteSource.FEED)
    looked = world.look(BUY)
    world.wait(100)

    fired = world.fire(looked)

    assert moved(fired) == dict.fromkeys(("A1", "A2", "A3"), "what it comes to")


def test_one_who_came_since_and_one_who_went_are_left_out(world: PreviewWorld) -> None:
    looked = world.look(BUY)
    world.subscribe(world.account(4), "RED", "INFY")

    assert moved(world.fire(looked)) == {"A4": "who it is for"}


def test_one_who_is_not_meant_any_more_is_told_so(world: PreviewWorld) -> None:
    looked = world.look(BUY)
    world.state.subscriptions["RED"].pop("A2")
    world.replica.subscriptions["RED"].pop("A2")

    fired = world.fire(looked)

    assert moved(fired) == {"A2": "who it is for"}
    assert bought_for(world, fired) == {"A1", "A3"}


def test_whoever_would_get_something_else_is_left_out(world: PreviewWorld) -> None:
    looked = world.look(BUY)
    world.subscribe("A3", "RED", "ACC")

    fired = world.fire(looked)

    assert moved(fired) == {"A3": "what it comes to"}
    assert bought_for(world, fired) == {"A1", "A2"}


def test_ids_have_no_gaps_after_somebody_is_left_out(world: PreviewWorld) -> None:
    for account in ("A1", "A2", "A3"):
        ten = SizingRule(Sizing.FIXED_QUANTITY, fixed("10"))
        world.subscribe(account, "RED", "INFY", sizing=ten)
    for cl_ord_id in [d.cl_ord_id for d in world.signal("RED", "INFY", Side.BUY).orders]:
        world.filled(cl_ord_id, "5")
    looked = world.look(SELL)
    first = looked.planned.orders[0]
    account = world.state.books[first.book].account
    world.do(c.PutReference(LOCAL, cash=((first.book, 1, ""),)))

    fired = world.fire(looked)

    assert set(moved(fired)) == {account}
    assert len(fired.cancels) == 2
    ids = [draft.cl_ord_id for draft in fired.orders]
    assert ids == [draft.cl_ord_id for draft in looked.planned.orders[: len(ids)]]
    assert [x.request_id for x in fired.cancels] == [
        x.request_id for x in looked.planned.cancels[:2]
    ]
    assert world.state.next_request == 2


def test_refusing_refuses_everything_with_the_differences(world: PreviewWorld) -> None:
    looked = world.look(BUY)
    cash_comes(world)
    world.do(c.PutKill(LOCAL, of_account("A3")))
    seq = world.state.seq

    with pytest.raises(Refused) as refused:
        world.fire(looked, refuse=True)

    assert refused.value.code == "MOVED"
    assert refused.value.detail == "2 of 3 accounts are not as they were previewed"
    assert sorted(refused.value.differences) == [
        "A1: cash, holdings, orders or limits changed since the preview",
        "A3: cash, holdings, orders or limits changed since the preview",
    ]
    assert world.state.seq == seq


def test_refusing_fires_when_nobody_moved(world: PreviewWorld) -> None:
    looked = world.look(BUY)

    assert world.fire(looked, refuse=True).orders == looked.planned.orders


def test_what_was_previewed_as_refused_is_refused_so(world: PreviewWorld) -> None:
    looked = world.look(SignalRequest("NONE", "INFY", Side.BUY))

    fired = world.fire(looked, refuse=True)

    assert fired.refusal == looked.planned.refusal
    assert fired.skips == ()


def test_an_instruction_that_is_refused_whole_by_now_says_why(world: PreviewWorld) -> None:
    looked = world.look(BUY)
    red = world.state.strategies["RED"]
    off = msgspec.structs.replace(red, enabled=False)
    world.do(c.PutReference(LOCAL, strategies=(off,)))

    fired = world.fire(looked)

    assert fired.refusal is not None
    assert fired.refusal.code is ReasonCode.STRATEGY_DISABLED
    assert set(moved(fired)) == {"A1", "A2", "A3"}


def test_a_token_replaces_the_duplicate_window(world: PreviewWorld) -> None:
    request = OrderRequest(
        1, "", "INFY", Side.BUY, Product.DELIVERY, OrdType.LIMIT, fixed("1"), fixed("100")
    )
    world.fire(world.look(request))

    assert len(world.fire(world.look(request)).orders) == 1
    assert world.reasons(world.one(c.Submit(LOCAL, request), InstructionPlanned)) == [
        "DUPLICATE_ORDER"
    ]


def test_a_cancel_goes_although_its_order_was_sent_meanwhile(world: PreviewWorld) -> None:
    planned = world.signal("RED", "INFY", Side.BUY)
    looked = world.look(CancelRestRequest(planned.instruction_id))
    world.sent(planned.orders[0].cl_ord_id)

    fired = world.fire(looked)

    assert moved(fired) == {}
    assert [cancel.unsent for cancel in fired.cancels].count(True) == 2


def test_a_price_that_came_since_changes_nothing(world: PreviewWorld) -> None:
    del world.quotes[world.key("INFY")]
    looked = world.look(BUY)
    looked = msgspec.structs.replace(looked, quotes={**looked.quotes, world.key("INFY"): None})
    world.price("INFY", "100")

    fired = world.fire(looked)

    assert {skip.reason.code for skip in fired.skips} == {ReasonCode.NO_PRICE}
    assert moved(fired) == {}


def test_what_the_preview_did_not_ask_for_is_the_price_of_now(world: PreviewWorld) -> None:
    looked = world.look(BUY)
    asked = {world.key("INFY"): looked.quotes[world.key("INFY")]}
    world._pinned = Looked(looked.planned, looked.prints, asked, 0)
    world.quotes[world.key("ACC")] = now = Quote(7, 7, 1, QuoteSource.FEED)

    assert world.context().quote(world.key("ACC")) == now


def test_settings_say_a_hundred_basis_points() -> None:
    assert RiskSettings().collar_bps == 100
