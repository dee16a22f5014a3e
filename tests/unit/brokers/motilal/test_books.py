import asyncio
from typing import Any

import pytest

from phalanx.brokers.motilal.books import Client, Reading, Said, read_book, read_order
from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.envelope import read_envelope
from phalanx.brokers.motilal.questions import Answered
from phalanx.brokers.motilal.times import parse_time
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import OrdStatus
from tests.unit.brokers.motilal.samples import HOLDING, ORDER, POSITION, TRADE
from tests.unit.brokers.motilal.stage import ScriptedPost

OWN = Client("A", "AA020")
NOW = parse_time("14-Feb-2023 11:00:00")
FILLED = ORDER | {"orderstatus": "Traded", "totalqtytraded": 20}


class Broker:
    """Answers, without a session in between."""

    def __init__(self) -> None:
        self.post = ScriptedPost()

    async def ask(self, path: Path, body: bytes) -> Said:
        answer = await self.post.post(path, {}, body)
        return Said(read_envelope(answer.body), answer.time)

    async def read(self, client: Client = OWN, last: str = "0") -> Reading:
        return await read_book(self.ask, client, NOW, lambda _key: parse_fixed(last))


async def test_a_book_is_orders_first_then_trades_positions_holdings_cash() -> None:
    broker = Broker()
    broker.post.rows(Path.ORDER_BOOK, FILLED)
    broker.post.rows(Path.TRADE_BOOK, TRADE)
    broker.post.rows(Path.POSITIONS, POSITION)
    broker.post.rows(Path.HOLDINGS, HOLDING)

    book = (await broker.read()).book

    assert [path for path, _, _ in broker.post.asked] == [
        Path.ORDER_BOOK,
        Path.TRADE_BOOK,
        Path.POSITIONS,
        Path.HOLDINGS,
        Path.MARGIN,
    ]
    assert {body for _, _, body in broker.post.asked} == {b"{}"}
    assert book.account == "A"
    assert [order.status for order in book.orders] == [OrdStatus.FILLED]
    assert [(trade.price, trade.cl_ord_id) for trade in book.trades] == [
        (parse_fixed("2784"), "K700000001")
    ]
    assert book.positions is not None
    assert [one.quantity for one in book.positions] == [whole(115)]
    assert book.cash == parse_fixed("250000.75")


async def test_a_dealer_names_the_client_in_every_question() -> None:
    broker = Broker()

    await broker.read(Client("A", "AA020", "AA020"))

    assert {body for _, _, body in broker.post.asked} == {b'{"clientcode":"AA020"}'}


async def test_a_day_without_orders_is_a_whole_book() -> None:
    broker = Broker()
    for path, code in ((Path.ORDER_BOOK, b"MO1013"), (Path.TRADE_BOOK, b"MO1014")):
        broker.post.say(path, b'{"status":"FAILURE","message":"none","errorcode":"%b"}' % code)

    book = (await broker.read()).book

    assert (book.orders, book.trades, book.positions) == ((), (), ())


async def test_its_time_is_the_brokers_clock_when_it_began() -> None:
    broker = Broker()
    broker.post.say(Path.ORDER_BOOK, Answered(200, b'{"status":"SUCCESS"}', 7))
    broker.post.time = 9

    assert (await broker.read()).book.time == 7


async def test_without_a_clock_it_is_no_later_than_its_youngest_row() -> None:
    broker = Broker()
    broker.post.rows(Path.ORDER_BOOK, FILLED)
    broker.post.rows(Path.TRADE_BOOK, TRADE)

    assert (await broker.read()).book.time == parse_time("14-Feb-2023 10:53:01")


@pytest.mark.parametrize(
    "path", [Path.ORDER_BOOK, Path.TRADE_BOOK, Path.POSITIONS, Path.HOLDINGS, Path.MARGIN]
)
@pytest.mark.parametrize(
    "said",
    [
        ConnectionError("gone"),
        b'{"status":"FAILURE","errorcode":"MO5000","message":""}',
        b'{"status":"SUCCESS","data":[7]}',
        b'{"status":"SUCCESS","data":[{}]}',
    ],
    ids=["network", "failure", "no rows", "empty row"],
)
async def test_a_book_of_which_a_part_is_missing_is_none(path: Path, said: bytes | OSError) -> None:
    broker = Broker()
    broker.post.say(path, said)

    with pytest.raises(OSError, match=r"."):
        await broker.read()


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        (Path.ORDER_BOOK, [ORDER, ORDER]),
        (Path.ORDER_BOOK, [ORDER | {"clientid": "BB999"}]),
        (Path.TRADE_BOOK, [TRADE | {"clientid": "BB999"}]),
        (Path.ORDER_BOOK, [ORDER | {"orderstatus": "Cooking"}]),
    ],
    ids=["twice", "another's order", "another's trade", "status"],
)
async def test_a_book_that_contradicts_itself_is_none(
    path: Path, rows: list[dict[str, Any]]
) -> None:
    broker = Broker()
    broker.post.rows(path, *rows)

    with pytest.raises(ConnectionError):
        await broker.read()


async def test_a_trade_in_another_scale_than_its_order_spoils_the_book() -> None:
    broker = Broker()
    broker.post.rows(Path.ORDER_BOOK, FILLED)
    broker.post.rows(Path.TRADE_BOOK, TRADE | {"tradeprice": 2784})

    with pytest.raises(ConnectionError, match="ODD_SCALE"):
        await broker.read()


async def test_where_an_order_has_no_price_the_last_one_counts() -> None:
    broker = Broker()
    broker.post.rows(Path.ORDER_BOOK, FILLED | {"price": 0})
    broker.post.rows(Path.TRADE_BOOK, TRADE)

    assert (await broker.read(last="2780")).book.trades
    with pytest.raises(ConnectionError, match="ODD_SCALE"):
        await broker.read(last="20")


async def test_one_order_is_the_youngest_of_its_states() -> None:
    broker = Broker()
    late = ORDER | {"lastmodifiedtime": "14-Feb-2023 11:00:00", "price": 2790}
    broker.post.rows(Path.ORDER_DETAIL, late, ORDER)

    order, terms = await read_order(broker.ask, OWN, "1000001AA020")

    assert (order.limit, terms.modified) == (parse_fixed("2790"), "14-Feb-2023 11:00:00")
    assert broker.post.asked[0][2] == b'{"uniqueorderid":"1000001AA020"}'


@pytest.mark.parametrize(
    "rows",
    [[], [ORDER | {"uniqueorderid": "7AA020"}], [ORDER | {"clientid": "BB999"}], [{}]],
    ids=["none", "another order", "another client", "empty"],
)
async def test_one_order_that_is_not_there_is_an_error(rows: list[dict[str, Any]]) -> None:
    broker = Broker()
    broker.post.rows(Path.ORDER_DETAIL, *rows)

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(read_order(broker.ask, OWN, "1000001AA020"), 5)
