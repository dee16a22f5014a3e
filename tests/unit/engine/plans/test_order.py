import msgspec
import pytest

from phalanx.domain.instructions import Door, OrderRequest, Origin, called_instrument
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import ReasonCode
from phalanx.engine import commands as c
from phalanx.engine.apply.instructions import RECENT_MAX
from phalanx.engine.refused import Refused
from tests.engine_world import PAPER, World, fixed, stock


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1)
    return world


def test_a_limit_order_is_sent_as_it_was_asked_for(world: World) -> None:
    (draft,) = world.order(
        Side.BUY, "INFY", "10", "99.5", product=Product.MTF, time_in_force=TimeInForce.IOC
    ).orders

    assert (draft.book, draft.instrument, draft.side) == ("A1/P", "NSE:6", Side.BUY)
    assert (draft.ord_type, draft.time_in_force) == (OrdType.LIMIT, TimeInForce.IOC)
    assert (draft.product, draft.quantity, draft.limit) == (Product.MTF, whole(10), fixed("99.5"))
    assert draft.hold == whole(995)
    assert draft.strategy is None


class TestAccount:
    def test_is_the_clients_primary_one_unless_it_is_named(self, world: World) -> None:
        world.account(1, id="A1-second", primary=False)

        (first,) = world.order().orders
        (second,) = world.order(account="A1-second").orders
        (third,) = world.order(client=0, account="A1-second", quantity="11").orders

        assert [x.book for x in (first, second, third)] == ["A1/P", "A1-second/P", "A1-second/P"]

    @pytest.mark.parametrize(
        ("client", "account", "code", "words"),
        [
            (9, "", "UNKNOWN_CLIENT", "no client 9"),
            (1, "A9", "UNKNOWN_ACCOUNT", "no account A9"),
            (0, "", "UNKNOWN_CLIENT", "no client 0"),
            (2, "A1", "ACCOUNT_NOT_CLIENTS", "account A1 is not client 2's"),
        ],
    )
    def test_that_is_not_there_or_not_the_clients_refuses_the_whole(
        self, world: World, client: int, account: str, code: str, words: str
    ) -> None:
        planned = world.order(client=client, account=account)

        assert planned.refusal is not None
        assert planned.refusal.code == code
        assert str(planned.refusal) == words
        assert not planned.skips


class TestInstrument:
    @pytest.mark.parametrize("name", ["UNOMINDA", "MINDA", "NSE:4", "4"])
    def test_goes_by_many_names(self, world: World, name: str) -> None:
        planned = world.order(instrument=name)

        assert planned.orders[0].instrument == "NSE:4"
        assert called_instrument(planned.request) == name

    def test_that_nobody_knows_refuses_the_whole(self, world: World) -> None:
        planned = world.order(instrument="NOBODY")

        assert planned.refusal is not None
        assert planned.refusal.code is ReasonCode.UNKNOWN_INSTRUMENT

    def test_with_an_ambiguous_token_is_not_journaled(self) -> None:
        here = stock("1", "ONE")
        world = World([here, msgspec.structs.replace(here, key="BSE:1", exchange="BSE")])
        world.account(1)

        with pytest.raises(Refused, match="AMBIGUOUS_TOKEN"):
            world.order(instrument="1")


class TestStop:
    @pytest.mark.parametrize(
        ("ord_type", "price", "limit"),
        [(OrdType.STOP, "0", "106.05"), (OrdType.STOP_LIMIT, "105.5", "105.5")],
    )
    def test_has_a_limit_that_its_hold_is_counted_with(
        self, world: World, ord_type: OrdType, price: str, limit: str
    ) -> None:
        every = frozenset(OrdType)
        world.capabilities["paper"] = msgspec.structs.replace(PAPER, ord_types=every)
        terms = (Side.BUY, Product.DELIVERY, ord_type, whole(10), fixed(price))
        request = OrderRequest(1, "", "INFY", *terms, stop_price=fixed("105"))

        (draft,) = world.submit(request).orders

        assert (draft.ord_type, draft.stop_price) == (ord_type, fixed("105"))
        assert (draft.limit, draft.hold) == (fixed(limit), 10 * fixed(limit))


class TestSell:
    def lots(self, world: World) -> list[str]:
        """Three manual buys: 10, 5 and 20."""
        made = []
        for quantity in ["10", "5", "20"]:
            (draft,) = world.order(quantity=quantity).orders
            world.filled(draft.cl_ord_id)
            made.append(draft.cl_ord_id)
        return made

    def test_closes_the_oldest_lots_first(self, world: World) -> None:
        first, second, third = self.lots(world)

        (draft,) = world.order(Side.SELL, quantity="17").orders

        parts = [(part.lot, part.quantity) for part in draft.closes]
        assert parts == [(first, whole(10)), (second, whole(5)), (third, whole(2))]
        assert draft.reduce_only
        world.filled(draft.cl_ord_id, "12")
        assert [lot.id for lot in world.lots()] == [second, third]
        assert [lot.remaining for lot in world.lots()] == [whole(3), whole(20)]
        world.report(draft.cl_ord_id, ExecType.CANCELED)
        assert [lot.available for lot in world.lots()] == [whole(3), whole(20)]

    def test_takes_a_signals_lot_when_it_is_the_oldest(self, world: World) -> None:
        world.subscribe("A1", "RED", "INFY")
        lot = world.bought("RED", "INFY")
        self.lots(world)

        (draft,) = world.order(Side.SELL, quantity="1").orders

        assert draft.closes[0].lot == lot
        world.filled(draft.cl_ord_id)
        assert ("RED", "NSE:6") not in world.open_buys()

    def test_leaves_other_products_and_what_is_being_sold_alone(self, world: World) -> None:
        first, second, _ = self.lots(world)
        (other,) = world.order(quantity="9", product=Product.INTRADAY).orders
        world.filled(other.cl_ord_id)
        world.order(Side.SELL, quantity="4")

        (draft,) = world.order(Side.SELL, quantity="7").orders

        parts = [(part.lot, part.quantity) for part in draft.closes]
        assert parts == [(first, whole(6)), (second, whole(1))]
        world.filled(draft.cl_ord_id)
        assert [lot.remaining for lot in world.lots()][:2] == [whole(4), whole(4)]

    def test_may_be_smaller_than_the_lot_of_a_signal(self, world: World) -> None:
        self.lots(world)

        (draft,) = world.order(Side.SELL, quantity="35").orders

        world.filled(draft.cl_ord_id)
        assert world.lots() == []
        assert world.held("INFY") == 0


class TestDuplicates:
    def test_with_an_idempotency_key_are_the_doors_business(self, world: World) -> None:
        world.order()

        keyed = world.order(origin=Origin("local", Door.ORDERS, "r", "key-1", b"print"))

        assert keyed.refusal is None

    def test_are_seen_though_the_protected_price_moved(self, world: World) -> None:
        world.order()
        world.price("INFY", "100.5", close="100")

        assert world.reasons(world.order()) == ["DUPLICATE_ORDER"]

    @pytest.mark.parametrize(
        "other",
        [
            {"quantity": "11"},
            {"price": "101"},
            {"instrument": "ACC"},
            {"product": Product.MTF},
            {"client": 2},
        ],
    )
    def test_are_the_same_in_everything(self, world: World, other: dict[str, str]) -> None:
        world.account(2)
        world.order()

        assert world.order(**other).refusal is None  # type: ignore[arg-type]

    def test_are_looked_for_among_a_bounded_number(self, world: World) -> None:
        world.settings(duplicate_window_s=3_600)
        world.price("COIN", "1")
        for lots in range(RECENT_MAX + 10):
            world.order(quantity=f"{lots + 1}", instrument="COIN")

        assert len(world.book().recent) == RECENT_MAX

    def test_of_yesterday_are_forgotten(self, world: World) -> None:
        world.settings(duplicate_window_s=100_000)
        world.order()
        world.wait(86_400)
        world.do(c.Tick())

        assert world.order().refusal is None
