"""The other side of a stub exchange fills what works, once, and leaves alone what has ended."""

import asyncio

from phalanx.brokers.port import CancelRequest, PlaceRequest
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import Price, whole
from phalanx.domain.orders import OrdStatus, OrdType, Product, Side, TimeInForce
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.stub_market import StubMarket
from tests.fakes.clock import ManualClock

MARKET_PRICE = whole(100)


def exchange() -> StubExchange:
    return StubExchange("stub", BrokerKind.LOOK_UP, ManualClock(), welcome=whole(10_000))


def place(there: StubExchange, tag: str, limit: Price) -> str:
    ord_type = OrdType.LIMIT if limit else OrdType.MARKET
    terms = (Side.BUY, Product.DELIVERY, ord_type, TimeInForce.DAY, whole(3), limit)
    return there.place(PlaceRequest(tag, "A", "NSE:1", *terms)).order_id


async def test_a_limit_trades_at_its_limit_and_a_market_order_at_the_price() -> None:
    there = exchange()
    StubMarket(there, MARKET_PRICE, 0)

    limited, market = place(there, "P000000001", whole(90)), place(there, "P000000002", 0)
    await asyncio.sleep(0.01)

    trades = {trade.order_id: trade for trade in there.accounts["A"].trades}
    assert {there.order(id).status for id in (limited, market)} == {OrdStatus.FILLED}
    assert (trades[limited].price, trades[market].price) == (whole(90), MARKET_PRICE)
    assert trades[limited].quantity == whole(3)


async def test_what_was_cancelled_first_does_not_trade() -> None:
    there = exchange()
    StubMarket(there, MARKET_PRICE, 0)

    order_id = place(there, "P000000001", whole(90))
    there.cancel(CancelRequest("C1", "P000000001", order_id, "A"))
    await asyncio.sleep(0.01)

    assert there.order(order_id).status is OrdStatus.CANCELED
    assert there.accounts["A"].trades == []


def test_a_welcome_account_has_its_money_from_the_first_look() -> None:
    there = exchange()

    assert there.book("B").cash == whole(10_000)
    assert set(there.accounts) == {"B"}
