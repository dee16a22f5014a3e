import msgspec
import pytest

from phalanx.domain.accounts import Account, FillProfile, Mode
from phalanx.domain.events import (
    AccountPut,
    CashAdjusted,
    ClientPut,
    GroupPut,
    LocalInstrumentPut,
    StrategyPut,
    SubscriptionPut,
)
from phalanx.domain.groups import Group, Member
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Side
from phalanx.domain.strategies import SellScope, Sizing, SizingRule, Strategy, Subscription
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from tests.engine_world import LOCAL, World, fixed, stock

Profiles = dict[str, dict[str, list[str]]]

ANN_AND_BO: Profiles = {
    "Ann": {"RED": ["INFY", "MINDA"], "BLUE": ["INFY"]},
    "Bo": {"RED": ["ACC", "INFY"]},
}


@pytest.fixture
def world() -> World:
    return World()


def imported(world: World, profiles: Profiles, cash: str = "1000000") -> list[object]:
    return list(world.do(c.ImportProfiles(LOCAL, profiles, fixed(cash))))


def subscription(world: World, strategy: str, account: str) -> Subscription:
    return world.state.subscriptions[strategy][account]


def test_users_become_clients_with_a_paper_account_and_cash(world: World) -> None:
    imported(world, ANN_AND_BO)

    assert [(x.id, x.name) for x in world.state.clients.values()] == [(1, "Ann"), (2, "Bo")]
    account = world.state.accounts["PAPER-1"]
    assert (account.client_id, account.mode, account.primary) == (1, Mode.PAPER, True)
    assert account.fill_profile == FillProfile()
    assert world.book("PAPER-1").cash == world.book("PAPER-2").cash == whole(1_000_000)
    assert world.book("PAPER-1", Mode.LIVE).cash == 0


def test_strategies_trade_what_any_of_their_users_does(world: World) -> None:
    imported(world, ANN_AND_BO)

    assert world.state.strategies["RED"].instruments == ("NSE:6", "NSE:4", "NSE:5")
    assert world.state.strategies["BLUE"].instruments == ("NSE:6",)
    ann, bo = (subscription(world, "RED", x) for x in ("PAPER-1", "PAPER-2"))
    assert (ann.instruments, bo.instruments) == (("NSE:6", "NSE:4"), ("NSE:5", "NSE:6"))
    assert ann.sell_scope is SellScope.ACCOUNT


def test_the_second_import_of_the_same_changes_nothing(world: World) -> None:
    assert imported(world, ANN_AND_BO) != []

    assert imported(world, ANN_AND_BO) == []
    assert imported(world, {}) == []


def test_only_what_is_new_is_journaled_and_nothing_is_taken_away(world: World) -> None:
    imported(world, ANN_AND_BO)

    events = imported(world, {"Ann": {"RED": ["GRASIM"]}, "Cy": {"BLUE": ["INFY"]}}, "5")

    assert [type(event) for event in events] == [
        ClientPut,
        AccountPut,
        CashAdjusted,
        StrategyPut,
        SubscriptionPut,
        SubscriptionPut,
    ]
    assert world.state.strategies["RED"].instruments == ("NSE:6", "NSE:4", "NSE:5", "NSE:2")
    assert subscription(world, "RED", "PAPER-1").instruments == ("NSE:2",)
    assert subscription(world, "BLUE", "PAPER-1").instruments == ("NSE:6",)
    assert world.book("PAPER-1").cash == whole(1_000_000)
    assert world.book("PAPER-3").cash == whole(5)


def test_what_a_person_decided_about_a_subscription_stays(world: World) -> None:
    imported(world, ANN_AND_BO)
    rule = SizingRule(Sizing.FIXED_CASH, whole(500))
    own = Subscription("PAPER-1", "RED", ("NSE:6",), rule, sell_scope=SellScope.STRATEGY)
    off = Strategy("RED", ("NSE:6",), enabled=False)
    world.do(c.PutReference(LOCAL, strategies=(off,), subscriptions=(own,)))

    imported(world, ANN_AND_BO)

    now = subscription(world, "RED", "PAPER-1")
    assert (now.sizing, now.sell_scope) == (rule, SellScope.STRATEGY)
    assert now.instruments == ("NSE:6", "NSE:4")
    assert not world.state.strategies["RED"].enabled


def test_a_user_who_is_a_client_already_keeps_his_account(world: World) -> None:
    world.account(7, "10", id="MINE")

    events = imported(world, {"Client 7": {"RED": ["INFY"]}})

    assert [type(event) for event in events] == [StrategyPut, SubscriptionPut]
    assert "MINE" in world.state.subscriptions["RED"]


def test_new_clients_get_the_next_ids(world: World) -> None:
    world.account(7)

    imported(world, ANN_AND_BO)

    assert list(world.state.clients) == [7, 8, 9]
    assert list(world.state.accounts) == ["A7", "PAPER-8", "PAPER-9"]


def test_an_account_that_has_the_name_already_is_never_taken_over(world: World) -> None:
    world.account(1, "10", id="PAPER-2")

    imported(world, {"Bo": {"RED": ["INFY"]}})

    assert world.state.accounts["PAPER-2"].client_id == 1
    assert world.state.primary_accounts[2] == "PAPER-2-2"
    assert world.book("PAPER-2").cash == whole(10)


def test_the_account_may_have_another_pattern(world: World) -> None:
    slow = Account("", 0, charge_bps=12, fill_profile=FillProfile(ack_delay_ms=50))

    world.do(c.ImportProfiles(LOCAL, {"Ann": {}}, 0, slow))

    account = world.state.accounts["PAPER-1"]
    assert (account.charge_bps, account.fill_profile.ack_delay_ms) == (12, 50)
    assert not any(isinstance(event, CashAdjusted) for event in world.journal)


class TestLocalInstruments:
    def test_are_made_for_names_that_nobody_knows(self, world: World) -> None:
        events = imported(world, {"Ann": {"RED": ["NOBODY", "NOBODY"]}, "Bo": {"RED": ["NOBODY"]}})

        made = [event for event in events if isinstance(event, LocalInstrumentPut)]
        assert [event.instrument.key for event in made] == ["LOCAL:NOBODY"]
        instrument = made[0].instrument
        assert instrument.is_local
        assert (instrument.lot_size, instrument.tick_size) == (whole(1), fixed("0.05"))
        assert world.state.strategies["RED"].instruments == ("LOCAL:NOBODY",)

    @pytest.mark.parametrize("name", ["NOBODY", "LOCAL:NOBODY"])
    def test_can_be_traded_by_their_name(self, world: World, name: str) -> None:
        imported(world, {"Ann": {"RED": ["NOBODY"]}})
        world.price("LOCAL:NOBODY", "50")

        (draft,) = world.signal("RED", name, Side.BUY).orders

        assert draft.instrument == "LOCAL:NOBODY"

    def test_are_found_again_by_the_next_import(self, world: World) -> None:
        imported(world, {"Ann": {"RED": ["NOBODY"]}})

        assert imported(world, {"Ann": {"RED": ["NOBODY"]}}) == []


def test_an_ambiguous_token_refuses_the_whole_import() -> None:
    here = stock("1", "ONE")
    world = World([here, msgspec.structs.replace(here, key="BSE:1", exchange="BSE")])
    before = list(world.journal)

    with pytest.raises(Refused, match="AMBIGUOUS_TOKEN"):
        imported(world, {"Bo": {"RED": ["ONE"]}, "Ann": {"RED": ["1"]}})

    assert world.journal == before


class TestRawDetails:
    def imported(self, world: World, *names: tuple[str, ...]) -> list[object]:
        return list(world.do(c.ImportRawDetails(LOCAL, *names, fixed("1000"))))  # type: ignore[call-arg,arg-type]

    def test_make_people_and_strategies_that_trade_everything(self, world: World) -> None:
        events = self.imported(world, ("Ann", "Bo"), ("RED", "BLUE"), ("MINDA", "NOBODY"))

        assert [type(event) for event in events] == [
            LocalInstrumentPut,
            *(ClientPut, AccountPut, CashAdjusted) * 2,
            StrategyPut,
            StrategyPut,
        ]
        assert world.state.strategies["RED"].instruments == ("NSE:4", "LOCAL:NOBODY")
        assert world.state.strategies["BLUE"].instruments == ("NSE:4", "LOCAL:NOBODY")
        assert world.book("PAPER-2").cash == whole(1_000)
        assert world.state.subscriptions == {}

    def test_are_made_once(self, world: World) -> None:
        names = (("Ann",), ("RED",), ("MINDA", "UNOMINDA"))
        self.imported(world, *names)

        assert world.state.strategies["RED"].instruments == ("NSE:4",)
        assert self.imported(world, *names) == []

    def test_add_to_what_is_there(self, world: World) -> None:
        imported(world, ANN_AND_BO)
        off = Strategy("RED", ("NSE:5",), enabled=False)
        world.do(c.PutReference(LOCAL, strategies=(off,)))

        events = self.imported(world, ("Bo", "Cy"), ("RED",), ("INFY",))

        assert [type(event) for event in events] == [
            ClientPut,
            AccountPut,
            CashAdjusted,
            StrategyPut,
        ]
        assert world.state.strategies["RED"] == Strategy("RED", ("NSE:5", "NSE:6"), enabled=False)
        assert world.book("PAPER-2").cash == whole(1_000_000)
        assert subscription(world, "RED", "PAPER-2").instruments == ("NSE:5", "NSE:6")


class TestClients:
    def imported(self, world: World, *rows: tuple[str, str, str]) -> list[object]:
        clients = tuple(c.ImportedClient(name, fixed(cash), group) for name, cash, group in rows)
        return list(world.do(c.ImportClients(LOCAL, clients)))

    def test_get_their_cash_and_their_group(self, world: World) -> None:
        events = self.imported(world, ("Ann", "5", "core"), ("Bo", "0", ""), ("Cy", "7.5", "core"))

        assert [type(event) for event in events] == [
            *(ClientPut, AccountPut, CashAdjusted),
            *(ClientPut, AccountPut),
            *(ClientPut, AccountPut, CashAdjusted),
            GroupPut,
        ]
        assert world.book("PAPER-3").cash == fixed("7.5")
        members = (Member("PAPER-1"), Member("PAPER-3"))
        assert world.state.groups == {"core": Group("core", members)}

    def test_that_are_there_keep_everything(self, world: World) -> None:
        world.account(7, "10", id="MINE")
        double = Group("core", (Member("MINE", whole(2)),))
        world.do(c.PutGroups(LOCAL, (double,)))

        assert self.imported(world, ("Client 7", "99", "core")) == []
        assert world.book("MINE").cash == whole(10)

    def test_are_the_same_when_they_are_named_twice(self, world: World) -> None:
        self.imported(world, ("Ann", "5", ""), ("Ann", "6", ""))

        assert list(world.state.accounts) == ["PAPER-1"]
        assert world.book("PAPER-1").cash == whole(5)

    def test_of_one_moment_are_made_in_that_moment(self, world: World) -> None:
        events = world.do(c.ImportClients(LOCAL, (c.ImportedClient("Ann", 0),)))

        assert world.state.clients[1].created_at == events[0].time

    def test_come_all_or_none(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("phalanx.engine.groups.MEMBERS_MAX", 1)

        with pytest.raises(Refused, match="TOO_MANY_MEMBERS"):
            self.imported(world, ("Ann", "5", "core"), ("Bo", "5", "core"))

        assert world.state.clients == {}
