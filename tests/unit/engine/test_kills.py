"""Kills: whom they stop, what they cancel in the same record, and how they are lifted."""

import pytest

from phalanx.domain.accounts import Account, Client
from phalanx.domain.events import InstructionPlanned, KillLifted, KillPut
from phalanx.domain.instructions import (
    KINDS,
    CancelOpenRequest,
    Door,
    InstructionStatus,
    Origin,
)
from phalanx.domain.kills import EVERYBODY, KillCancel, KillLevel, KillScope
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.engine import commands as c
from phalanx.engine.plans import cancel_open
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state
from tests.engine_world import LOCAL, PAPER, World
from tests.fakes.kills import of_account
from tests.unit.engine.plans.exiting import further, held

S = OrdStatus
BROKER = KillScope(KillLevel.BROKER, "paper")
STRATEGY = KillScope(KillLevel.STRATEGY, "RED")
CLIENT = KillScope(KillLevel.CLIENT, "1")
KEYED = Origin("local", Door.KILL, "", "key", b"1")


@pytest.fixture
def world() -> World:
    """Three clients, the third at a broker of his own; the first trades for two strategies."""
    world = World()
    for client in (1, 2):
        world.account(client)
    world.capabilities["other"] = PAPER
    away = Account("A3", 3, broker="other")
    cash = ((away.book, whole(1_000_000), ""),)
    world.do(c.PutReference(LOCAL, (Client(3, "Away"),), (away,), cash=cash))
    for strategy in ("RED", "BLUE"):
        world.subscribe("A1", strategy, "INFY", "ACC")
    return world


def kill(world: World, scope: KillScope = EVERYBODY, **more: object) -> KillPut:
    """A kill that is put and does nothing else."""
    return world.one(c.PutKill(LOCAL, scope, **more), KillPut)  # type: ignore[arg-type]


def canceling(world: World, scope: KillScope = EVERYBODY, *, exits: bool = False) -> list[str]:
    """A kill that cancels, put or standing already; the orders that it cancels."""
    cancel = KillCancel.ALL if exits else KillCancel.ENTRIES
    *_, planned = world.do(c.PutKill(LOCAL, scope, cancel=cancel))
    assert isinstance(planned, InstructionPlanned)
    return [one.cl_ord_id for one in planned.cancels]


def buy(world: World, client: int = 1, *, side: Side = Side.BUY, quantity: str = "10") -> str:
    """An order that works at the broker."""
    world.wait(2)  # two of a kind are no duplicates
    price = "99" if side is Side.BUY else "101"
    (draft,) = world.order(side, quantity=quantity, price=price, client=client).orders
    world.accepted(draft.cl_ord_id)
    return draft.cl_ord_id


def code_of(planned: InstructionPlanned) -> str:
    return planned.skips[0].reason.code.value if planned.skips else ""


class TestStopping:
    @pytest.mark.parametrize(
        ("scope", "code", "sentence"),
        [
            (EVERYBODY, "KILL_ALL", "new orders are stopped for everybody"),
            (BROKER, "KILL_BROKER", "new orders are stopped for broker paper"),
            (STRATEGY, "KILL_STRATEGY", "new orders are stopped for strategy RED"),
            (CLIENT, "KILL_CLIENT", "new orders are stopped for client 1"),
            (of_account("A1"), "KILL_ACCOUNT", "new orders are stopped for account A1"),
        ],
    )
    def test_a_signals_buy_under_each_level(
        self, world: World, scope: KillScope, code: str, sentence: str
    ) -> None:
        kill(world, scope)

        planned = world.signal("RED", "INFY", Side.BUY)

        assert code_of(planned) == code
        assert str(planned.skips[0].reason) == sentence

    def test_of_a_strategy_stops_nothing_else(self, world: World) -> None:
        kill(world, STRATEGY)

        assert world.signal("BLUE", "INFY", Side.BUY).orders
        assert world.order().orders

    def test_of_a_strategy_lets_its_sells_pass(self, world: World) -> None:
        world.bought("RED", "INFY")
        kill(world, STRATEGY)

        assert world.signal("RED", "INFY", Side.SELL).orders

    def test_of_a_strategy_stops_a_replace_that_asks_for_more(self, world: World) -> None:
        cl_ord_id = world.buy("RED", "INFY")
        world.accepted(cl_ord_id)
        kill(world, STRATEGY)

        with pytest.raises(Refused, match="KILL_STRATEGY"):
            world.replace(cl_ord_id, quantity="2")

    @pytest.mark.parametrize("scope", [BROKER, CLIENT, of_account("A1")])
    def test_of_somebody_else_stops_nothing(self, world: World, scope: KillScope) -> None:
        kill(world, scope)

        assert code_of(world.order(client=1))
        assert world.order(client=3).orders

    def test_a_broker_stops_all_its_accounts(self, world: World) -> None:
        kill(world, BROKER)

        assert code_of(world.order(client=2)) == "KILL_BROKER"

    @pytest.mark.parametrize(
        ("level", "name", "code"),
        [
            (KillLevel.BROKER, "nobody", "UNKNOWN_BROKER"),
            (KillLevel.STRATEGY, "GREEN", "UNKNOWN_STRATEGY"),
            (KillLevel.CLIENT, "9", "UNKNOWN_CLIENT"),
            (KillLevel.CLIENT, "one", "UNKNOWN_CLIENT"),
            (KillLevel.CLIENT, "01", "UNKNOWN_CLIENT"),
            (KillLevel.ACCOUNT, "A9", "UNKNOWN_ACCOUNT"),
        ],
    )
    def test_a_name_that_nobody_has_is_refused(
        self, world: World, level: KillLevel, name: str, code: str
    ) -> None:
        with pytest.raises(Refused, match=code):
            world.do(c.PutKill(LOCAL, KillScope(level, name)))

    def test_a_broker_is_known_by_an_account_or_by_what_it_declares(self, world: World) -> None:
        world.capabilities["new"] = PAPER
        del world.capabilities["other"]

        for name in ("new", "other"):
            assert kill(world, KillScope(KillLevel.BROKER, name)).whom.name == name

    def test_one_that_was_ordered_past_the_server_is_taken_as_it_stands(self, world: World) -> None:
        event = kill(world, of_account("A9"), adopted=True)

        assert event.account == "A9"
        assert list(world.state.kills) == ["account/A9"]


class TestStanding:
    def test_until_it_is_lifted(self, world: World) -> None:
        assert kill(world, of_account("A1"), note="fat finger").account == "A1"

        assert world.state.kills["account/A1"].note == "fat finger"
        assert world.do(c.PutKill(LOCAL, of_account("A1"), "again")) == []
        lifted = world.one(c.LiftKill(LOCAL, of_account("A1")), KillLifted)
        assert lifted.whom == of_account("A1")
        assert world.state.kills == {}

    def test_again_for_its_key(self, world: World) -> None:
        kill(world, note="first")

        event = world.one(c.PutKill(KEYED, note="second"), KillPut)

        assert event.cancels == 0
        assert world.state.kills["all/"].note == "second"
        assert world.state.keys["local\nkey"].seq == world.state.seq

    def test_one_level_is_lifted_and_the_others_stand(self, world: World) -> None:
        for scope in (EVERYBODY, BROKER, STRATEGY, CLIENT, of_account("A1")):
            kill(world, scope)

        world.do(c.LiftKill(LOCAL, CLIENT))

        assert list(world.state.kills) == ["all/", "broker/paper", "strategy/RED", "account/A1"]

    @pytest.mark.parametrize("scope", [EVERYBODY, BROKER, of_account("A1"), of_account("A9")])
    def test_what_does_not_stand_cannot_be_lifted(self, world: World, scope: KillScope) -> None:
        kill(world, CLIENT)

        with pytest.raises(Refused, match="NO_SUCH_KILL"):
            world.do(c.LiftKill(LOCAL, scope))


class TestCanceling:
    def test_what_works_and_what_waits_in_the_record_of_the_kill(self, world: World) -> None:
        working = buy(world)
        (waiting,) = (draft.cl_ord_id for draft in world.order(client=2).orders)

        put, planned = world.do(c.PutKill(KEYED, EVERYBODY, "feed", cancel=KillCancel.ENTRIES))

        assert isinstance(put, KillPut)
        assert isinstance(planned, InstructionPlanned)
        assert put.cancels == 1
        assert [one.cl_ord_id for one in planned.cancels] == [working, waiting]
        assert planned.request == CancelOpenRequest(EVERYBODY)
        assert KINDS[type(planned.request)] == "cancel"
        assert (planned.note, planned.origin.door) == ("feed", Door.KILL)
        assert (world.status(working), world.status(waiting)) == (S.PENDING_CANCEL, S.CANCELED)
        assert world.state.keys["local\nkey"].seq == world.state.seq - 1

    @pytest.mark.parametrize(
        ("scope", "clients"),
        [
            (EVERYBODY, [1, 2, 3]),
            (BROKER, [1, 2]),
            (CLIENT, [1]),
            (of_account("A2"), [2]),
        ],
    )
    def test_only_in_its_scope(self, world: World, scope: KillScope, clients: list[int]) -> None:
        orders = {client: buy(world, client) for client in (1, 2, 3)}

        assert canceling(world, scope) == [orders[client] for client in clients]

    def test_of_a_strategy_what_it_buys(self, world: World) -> None:
        red = world.buy("RED", "INFY")
        world.accepted(world.buy("BLUE", "INFY"))
        buy(world)

        assert canceling(world, STRATEGY) == [red]

    def test_exits_under_way_stay_unless_they_are_asked_for_too(self, world: World) -> None:
        held(world, "10")
        sell = buy(world, side=Side.SELL, quantity="5")
        entry = buy(world)

        assert canceling(world) == [entry]
        assert canceling(world, exits=True) == [sell]
        assert world.status(sell) is S.PENDING_CANCEL

    def test_what_is_being_cancelled_already_is_left_to_that(self, world: World) -> None:
        world.cancel(buy(world))
        other = buy(world)

        assert canceling(world) == [other]

    def test_an_order_in_doubt_once_it_is_known(self, world: World) -> None:
        (draft,) = world.order(price="99").orders
        world.unknown(draft.cl_ord_id)

        assert canceling(world) == [draft.cl_ord_id]
        assert world.status(draft.cl_ord_id) is S.IN_DOUBT
        assert world.state.orders[draft.cl_ord_id].is_canceling

    def test_nothing_is_said_in_an_instruction_of_its_own(self, world: World) -> None:
        _, planned = world.do(c.PutKill(LOCAL, CLIENT, cancel=KillCancel.ENTRIES))

        assert isinstance(planned, InstructionPlanned)
        assert planned.refusal is not None
        assert planned.refusal.code is ReasonCode.NOTHING_TO_CANCEL
        assert str(planned.refusal) == "nothing of client 1 works that is to be canceled"
        assert list(world.state.kills) == ["client/1"]

    def test_without_a_block_nothing_stands(self, world: World) -> None:
        entry = buy(world)
        command = c.PutKill(KEYED, block=False, cancel=KillCancel.ENTRIES)

        planned = world.one(command, InstructionPlanned)

        assert [one.cl_ord_id for one in planned.cancels] == [entry]
        assert world.state.kills == {}
        assert world.state.keys["local\nkey"].seq == world.state.seq
        assert world.order().orders

    def test_neither_block_nor_cancel_only_looks_at_the_name(self, world: World) -> None:
        assert world.do(c.PutKill(KEYED, CLIENT, block=False)) == []
        with pytest.raises(Refused, match="UNKNOWN_ACCOUNT"):
            world.do(c.PutKill(KEYED, of_account("A9"), block=False))

    def test_under_a_kill_that_stands_only_cancels(self, world: World) -> None:
        entry = buy(world)
        kill(world, note="first")

        command = c.PutKill(LOCAL, note="second", cancel=KillCancel.ENTRIES)
        planned = world.one(command, InstructionPlanned)

        assert [one.cl_ord_id for one in planned.cancels] == [entry]
        assert world.state.kills["all/"].note == "first"

    def test_what_a_cancelled_buy_still_fills_stays(self, world: World) -> None:
        entry = buy(world)
        _, planned = world.do(c.PutKill(LOCAL, cancel=KillCancel.ENTRIES))
        assert isinstance(planned, InstructionPlanned)

        fill = world.filled(entry, "4")
        world.report(entry, ExecType.CANCELED)

        assert further(fill) == []
        assert world.held("INFY") == whole(4)
        assert world.instruction(planned).status is InstructionStatus.DONE

    def test_a_flatten_afterwards_sells_what_it_still_fills(self, world: World) -> None:
        entry = buy(world)
        canceling(world)

        world.exit()
        fill = world.filled(entry, "4")

        assert further(fill) == [(Side.SELL, 4)]


class TestMany:
    @pytest.fixture
    def orders(self, world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Seven orders, where one record holds three cancels."""
        monkeypatch.setattr(cancel_open, "CANCELS_AT_ONCE_MAX", 3)
        return [buy(world, quantity=f"{number}") for number in range(1, 8)]

    def tick(self, world: World) -> list[str]:
        """What the next tick cancels."""
        planned = [one for one in world.do(c.Tick()) if isinstance(one, InstructionPlanned)]
        return [cancel.cl_ord_id for one in planned for cancel in one.cancels]

    def test_go_in_parts_one_with_each_tick(self, world: World, orders: list[str]) -> None:
        command = c.PutKill(KEYED, CLIENT, "feed", cancel=KillCancel.ENTRIES)
        put, first = world.do(command)
        (second,) = world.do(c.Tick())
        (third,) = world.do(c.Tick())

        assert isinstance(put, KillPut)
        assert put.cancels == 1
        planned = [one for one in (first, second, third) if isinstance(one, InstructionPlanned)]
        assert [[cancel.cl_ord_id for cancel in one.cancels] for one in planned] == [
            orders[:3],
            orders[3:6],
            orders[6:],
        ]
        assert [one.request for one in planned] == [
            CancelOpenRequest(CLIENT, left=4, until=orders[6]),
            CancelOpenRequest(CLIENT, left=1, until=orders[6]),
            CancelOpenRequest(CLIENT, until=orders[6]),
        ]
        assert [one.note for one in planned] == ["feed"] * 3
        assert [one.origin.idempotency_key for one in planned] == ["key", "", ""]
        assert all(world.status(order) is S.PENDING_CANCEL for order in orders)
        assert not world.state.cancels_due
        assert self.tick(world) == []

    @pytest.mark.parametrize("block", [True, False])
    def test_also_where_nothing_is_blocked_and_nothing_newer(
        self, world: World, orders: list[str], block: bool
    ) -> None:
        world.do(c.PutKill(LOCAL, CLIENT, block=block, cancel=KillCancel.ENTRIES))
        newer = [] if block else [buy(world)]

        canceled = [*self.tick(world), *self.tick(world), *self.tick(world)]

        assert canceled == orders[3:]
        assert [world.status(order) for order in newer] == [S.NEW] * len(newer)

    def test_cancels_that_the_broker_refuses_keep_nobody_from_his_turn(
        self, world: World, orders: list[str]
    ) -> None:
        world.do(c.PutKill(LOCAL, cancel=KillCancel.ENTRIES))
        for order in orders[:3]:
            world.report(order, ExecType.CANCEL_REJECTED)

        assert self.tick(world) == orders[3:6]
        assert self.tick(world) == orders[6:]

    def test_survive_a_restart(self, world: World, orders: list[str]) -> None:
        world.do(c.PutKill(LOCAL, cancel=KillCancel.ENTRIES))

        world.state = decode_state(encode_state(world.state))

        assert self.tick(world) == orders[3:6]

    def test_end_when_the_kill_is_lifted(self, world: World, orders: list[str]) -> None:
        world.do(c.PutKill(LOCAL, cancel=KillCancel.ALL))
        world.do(c.LiftKill(LOCAL))

        assert not world.state.cancels_due
        assert self.tick(world) == []

    def test_that_just_fit_leave_nothing(self, world: World, orders: list[str]) -> None:
        for order in orders[3:]:
            world.cancel(order)

        _, planned, *_ = world.do(c.PutKill(LOCAL, cancel=KillCancel.ENTRIES))

        assert isinstance(planned, InstructionPlanned)
        assert planned.request == CancelOpenRequest(EVERYBODY)
        assert not world.state.cancels_due

    def test_whose_rest_ended_by_itself_are_over(self, world: World, orders: list[str]) -> None:
        world.do(c.PutKill(LOCAL, cancel=KillCancel.ENTRIES))
        for order in orders[3:]:
            world.report(order, ExecType.CANCELED)

        assert self.tick(world) == []
        assert not world.state.cancels_due


def test_repeating_the_cancel_of_a_kill_cancels_what_works_by_then(world: World) -> None:
    entry = buy(world)

    planned = world.submit(CancelOpenRequest(CLIENT))

    assert [one.cl_ord_id for one in planned.cancels] == [entry]


def test_repeating_it_goes_in_parts_as_well(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancel_open, "CANCELS_AT_ONCE_MAX", 2)
    orders = [buy(world, quantity=f"{number}") for number in range(1, 6)]

    planned = world.submit(CancelOpenRequest(CLIENT))
    events = [one for _ in range(3) for one in world.do(c.Tick())]
    parts = [one for one in events if isinstance(one, InstructionPlanned)]

    assert planned.request == CancelOpenRequest(CLIENT, left=3, until=orders[-1])
    assert len(planned.cancels) == 2
    assert len(parts) == 2
    assert all(world.status(order) is S.PENDING_CANCEL for order in orders)
    assert not world.state.cancels_due


def test_a_preview_sees_the_kill_of_its_strategy(world: World) -> None:
    kill(world, STRATEGY)
    before = world.signal("RED", "INFY", Side.BUY)
    world.do(c.LiftKill(LOCAL, STRATEGY))

    assert (code_of(before), code_of(world.signal("RED", "INFY", Side.BUY))) == (
        "KILL_STRATEGY",
        "",
    )
