"""Trades, portfolios and tokens in the platform's shapes, and getting out of trades."""

import csv
from io import StringIO
from typing import Any

import pytest

from phalanx.domain.accounts import Account
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import ExecType, ExecutionReport, Product
from phalanx.domain.time import DAY, SECOND
from phalanx.engine.commands import AdoptedLot, AdoptLots, PutReference
from tests.api.conftest import Site

PLACE = "/api/v1/orders/place"
TRADES = "/api/v1/trades"
RELIANCE = "NSE:2885"
BUY = {
    "client_id": 1,
    "token_id": "2885",
    "execution_type": "BUY",
    "order_type": "MARKET",
    "trade_type": "DELIVERY",
    "quantity": 10,
}
ORIGIN = Origin("local", Door.DESK)


async def place(site: Site, **changes: object) -> str:
    answer = await site.send("POST", PLACE, BUY | changes)
    assert answer.json()["status"] == "SUCCESS", answer.text
    return str(answer.json()["order_id"])


async def post(site: Site, path: str, body: object = None, key: str | None = None) -> Any:  # noqa: ANN401
    answer = await site.send("POST", path, body, key)
    assert answer.status_code == 200, answer.text
    return answer.json()


def reprice(site: Site, last: str, key: str = RELIANCE) -> None:
    now = site.system.desk.clock.now()
    close = site.system.quotes.get(key)
    assert close is not None
    quote = Quote(parse_fixed(last), close.reference_close, now, QuoteSource.FEED)
    site.system.quotes.put(key, quote)


async def slow(site: Site) -> None:
    """The first client's broker takes its time for every answer."""
    profile = {"fill_profile": {"ack_delay_ms": 50}}
    answer = await site.send("PATCH", "/api/v1/accounts/PAPER-1", profile)
    assert answer.status_code == 200, answer.text


async def adopt(site: Site, cost: int | None, quantity: int = 10) -> str:
    now = site.system.desk.clock.now()
    lot = AdoptedLot(
        *("PAPER-1/P", RELIANCE, Product.DELIVERY, whole(quantity), cost, now - 30 * DAY)
    )
    executed = await site.system.desk.execute(AdoptLots(ORIGIN, (lot,)))
    return str(executed.events[0].lot)  # type: ignore[union-attr]


# --- trades -----------------------------------------------------------------------------------------


async def test_a_trade_has_the_platform_s_shape(example: Site) -> None:
    lot = await place(example)
    reprice(example, "1370.5")

    answer = await example.http.get(f"{TRADES}/{lot}")

    trade = answer.json()
    assert list(trade) == [
        *("id", "trade_id", "client_id", "token_id", "trade_type", "execution_type", "quantity"),
        *("avg_price", "status", "current_price", "realized_pnl", "unrealized_pnl", "total_pnl"),
        *("margin_required", "margin_blocked", "entry_time", "exit_time", "client", "token"),
        "origin",
    ]
    assert (trade["id"], trade["trade_id"]) == (lot, lot)
    assert (trade["token_id"], trade["trade_type"], trade["execution_type"]) == (
        *("2885", "DELIVERY", "BUY"),
    )
    assert (trade["status"], trade["exit_time"]) == ("ACTIVE", None)
    assert '"quantity":10,"avg_price":1364,' in answer.text
    assert '"unrealized_pnl":65,"total_pnl":65,"margin_required":13640,' in answer.text
    assert trade["client"] == {"id": 1, "name": "Holland Proctor"}
    assert trade["token"] == {
        "id": RELIANCE,
        "symbol": "RELIANCE",
        "token_id": "2885",
        "exchange": "NSE",
        "instrument_type": "EQ",
    }


async def test_trades_are_a_bare_array_newest_first(example: Site) -> None:
    first = await place(example)
    second = await place(example, client_id=2, token_id="MINDA")
    pending = await place(example, order_type="LIMIT", price=1300)
    await post(example, f"{TRADES}/{first}/exit")

    answer = await example.http.get(TRADES, params={"limit": 2})

    assert [one["id"] for one in answer.json()] == [pending, second]
    assert answer.headers["x-total-count"] == "3"

    async def ids(**query: str | int) -> list[str]:
        return [one["id"] for one in await example.get(TRADES, **query)]

    assert await ids(skip=2) == [first]
    assert await ids(client_id=1) == [pending, first]
    assert await ids(token_id="NSE:2885") == [pending, first]
    assert await ids(token_id="MINDA", client_id=1) == []
    assert await ids(account_id="PAPER-2") == [second]
    assert await ids(status="PENDING") == [pending]
    assert await ids(status="ACTIVE") == [second]
    assert await ids(status="CLOSED") == [first]


async def test_a_pending_trade_sets_cash_aside_and_leaves_no_trace(example: Site) -> None:
    lot = await place(example, order_type="LIMIT", price=1300.5)
    pending = await example.get(f"{TRADES}/{lot}")
    assert (pending["quantity"], pending["avg_price"], pending["realized_pnl"]) == (10, None, 0)
    assert (pending["margin_required"], pending["margin_blocked"]) == (13005, 13005)

    await example.send("POST", f"/api/v1/orders/{lot}/cancel")

    async def is_gone() -> bool:
        return not await example.get(TRADES)

    await example.until(is_gone)
    gone = await example.get(f"{TRADES}/{lot}")
    assert (gone["status"], gone["quantity"], gone["margin_blocked"]) == ("CLOSED", 0, 0)


async def test_trades_go_out_as_csv(example: Site) -> None:
    lot = await place(example)

    answer = await example.http.get(TRADES, params={"format": "csv", "client_id": 1})

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-total-count"] == "1"
    (row,) = csv.DictReader(StringIO(answer.text))
    assert (row["trade_id"], row["client"], row["symbol"], row["quantity"]) == (
        *(lot, "Holland Proctor", "RELIANCE", "10"),
    )
    assert row["exit_time"] == ""


async def test_nobody_gains_by_a_cost_that_nobody_knows(example: Site) -> None:
    unknown = await adopt(example, None)
    known = await adopt(example, whole(10_000))

    trades = {one["id"]: one for one in await example.get(TRADES)}

    assert (trades[unknown]["avg_price"], trades[unknown]["unrealized_pnl"]) == (None, 0)
    assert (trades[known]["avg_price"], trades[known]["unrealized_pnl"]) == (1000, 3640)
    client = await example.get("/api/v1/clients/1")
    portfolio = await example.get("/api/v1/clients/1/portfolio")
    assert client["total_pnl"] == portfolio["totals"]["total_pnl"] == 3640
    (held,) = portfolio["positions"]
    assert (held["quantity"], held["avg_price"], held["unrealized_pnl"]) == (20, 1000, 3640)
    (position,) = (await example.get("/api/v1/positions"))["items"]
    assert position["quantity"] == "20"
    assert (position["average_price"], position["unrealized_pnl"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("status=OPEN", "INVALID_VALUE"),
        ("client_id=x", "WRONG_TYPE"),
        ("client_id=0", "INVALID_VALUE"),
        ("limit=0", "INVALID_VALUE"),
        ("limit=1001", "INVALID_VALUE"),
        ("skip=-1", "INVALID_VALUE"),
        ("format=xml", "INVALID_VALUE"),
        ("token_id=", "EMPTY_TEXT"),
        (f"token_id={'x' * 129}", "INVALID_VALUE"),
        ("surplus=1", "UNKNOWN_FIELD"),
        ("skip=1&skip=2", "DUPLICATE_FIELD"),
    ],
)
async def test_a_bad_filter_is_named(example: Site, query: str, code: str) -> None:
    answer = await example.http.get(f"{TRADES}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    "path",
    [
        "/trades/NOBODY",
        "/clients/99/portfolio",
        "/clients/x/portfolio",
        "/tokens/NOBODY",
        "/tokens/NOBODY/holders",
    ],
)
async def test_what_there_is_not_is_not_found(example: Site, path: str) -> None:
    answer = await example.http.get(f"/api/v1{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


# --- getting out ------------------------------------------------------------------------------------


async def test_a_trade_is_left_alone_by_the_exit_of_another(example: Site) -> None:
    first, second = await place(example), await place(example, quantity=3)

    answer = await post(example, f"{TRADES}/{second}/exit", key="k1")

    (result,) = answer["results"]
    assert answer["total_trades"] == 1
    assert list(result) == ["trade_id", "client_id", "status", "order_id", "error"]
    assert (result["trade_id"], result["client_id"]) == (second, 1)
    assert (result["status"], result["error"]) == ("SUCCESS", None)
    assert (await example.get(f"{TRADES}/{first}"))["status"] == "ACTIVE"
    closed = await example.get(f"{TRADES}/{second}")
    assert (closed["status"], closed["exit_time"] is None) == ("CLOSED", False)
    assert await post(example, f"{TRADES}/{second}/exit", key="k1") == answer
    again = await post(example, f"{TRADES}/{second}/exit")
    assert again["results"][0]["status"] in {"REJECTED", "SKIPPED"}
    assert again["results"][0]["order_id"] is None


async def test_a_pending_trade_is_called_back(example: Site) -> None:
    await slow(example)
    lot = await place(example, order_type="LIMIT", price=1300)

    answer = await post(example, f"{TRADES}/{lot}/exit")

    (result,) = answer["results"]
    assert (result["trade_id"], result["order_id"]) == (lot, lot)
    assert (result["status"], result["error"]) == ("SUCCESS", None)


async def test_leaving_a_token_waits_for_what_is_called_back(example: Site) -> None:
    await slow(example)
    lot = await place(example, order_type="LIMIT", price=1300)

    answer = await post(example, f"{TRADES}/exit-by-token/2885")

    (result,) = answer["results"]
    assert (result["trade_id"], result["status"]) == (lot, "SUCCESS")


async def joined(site: Site) -> str:
    """A trade that is no lot: a late fill of it went to the strategy's next buy."""
    first = str((await site.signal("STRATEGY_B", "MINDA", "BUY"))["outcomes"][0]["order_id"])
    await site.until(lambda: has(site, first, "ACTIVE"))
    await site.signal("STRATEGY_B", "MINDA", "SELL")
    await site.until(lambda: has(site, first, "CLOSED"))
    second = (await site.signal("STRATEGY_B", "MINDA", "BUY"))["outcomes"][0]["order_id"]
    await site.until(lambda: has(site, second, "ACTIVE"))
    desk = site.system.desk
    order = desk.state.orders[first]
    cum, three = order.cum_quantity, whole(3)
    desk.report(
        ExecutionReport(
            *(first, ExecType.TRADE, order.order_id, "LATE", cum + three, three, whole(500))
        )
    )
    await site.until(lambda: has(site, first, "ACTIVE"))
    return first


async def has(site: Site, trade: str, status: str) -> bool:
    return bool((await site.get(f"{TRADES}/{trade}"))["status"] == status)


async def test_a_trade_whose_fill_joined_another_lot_is_left_by_both_doors(example: Site) -> None:
    trade = await joined(example)
    body = {"kind": "exit", "trade": trade, "percent": "50"}

    half = await example.send("POST", "/api/v1/instructions", body)
    all_of_it = await post(example, f"{TRADES}/{trade}/exit")

    assert half.json()["status"] == "WORKING", half.text
    (outcome,) = half.json()["outcomes"]
    assert (outcome["account"], outcome["side"], outcome["quantity"]) == ("PAPER-1", "SELL", "1")
    (result,) = all_of_it["results"]
    assert (result["trade_id"], result["status"]) == (trade, "SUCCESS")


async def test_who_only_waits_for_a_sell_is_told_so(example: Site) -> None:
    await place(example)
    await place(example, execution_type="SELL", order_type="LIMIT", price=1400)

    answer = await post(example, f"{TRADES}/exit-by-token/2885")

    (result,) = answer["results"]
    assert (answer["total_trades"], result["trade_id"], result["client_id"]) == (0, None, 1)
    assert result["status"] in {"SUCCESS", "PENDING"}
    assert result["error"] in {None, "the working sell is being canceled"}


async def test_no_such_trade(example: Site) -> None:
    answer = await post(example, f"{TRADES}/NOBODY/exit")

    (result,) = answer["results"]
    assert (result["status"], result["client_id"]) == ("REJECTED", None)
    assert result["error"] == "no open trade NOBODY"


async def test_everybody_leaves_a_token(example: Site) -> None:
    first = await place(example)
    second = await place(example, client_id=2)
    third = await place(example, client_id=2, trade_type="MTF", quantity=4)
    other = await place(example, token_id="MINDA")

    answer = await post(example, f"{TRADES}/exit-by-token/2885", key="k1")

    assert answer["total_trades"] == 3
    found = {one["trade_id"]: one for one in answer["results"]}
    assert {trade: one["client_id"] for trade, one in found.items()} == {
        first: 1,
        second: 2,
        third: 2,
    }
    assert {one["status"] for one in found.values()} == {"SUCCESS"}
    assert len({one["order_id"] for one in found.values()}) == 3
    assert (await example.get(f"{TRADES}/{other}"))["status"] == "ACTIVE"
    assert (await post(example, f"{TRADES}/exit-by-token/2885", key="k1")) == answer


@pytest.mark.parametrize("body", [[2, 99, 2], {"client_ids": [2, 99]}], ids=["a list", "an object"])
async def test_some_clients_leave_a_token(example: Site, body: object) -> None:
    await place(example)
    second = await place(example, client_id=2)

    answer = await post(example, f"{TRADES}/exit-by-token/NSE:2885", body)

    assert answer["total_trades"] == 1
    assert [(one["trade_id"], one["client_id"], one["status"]) for one in answer["results"]] == [
        (second, 2, "SUCCESS"),
        (None, 99, "REJECTED"),
    ]
    assert answer["results"][1]["error"] == "no client 99"
    assert [one["client_id"] for one in await example.get(TRADES, status="ACTIVE")] == [1]


async def test_a_client_with_nothing_is_skipped(example: Site) -> None:
    answer = await post(example, f"{TRADES}/exit-by-token/2885", [1])

    assert answer == {
        "total_trades": 0,
        "results": [
            {
                "trade_id": None,
                "client_id": 1,
                "status": "SKIPPED",
                "order_id": None,
                "error": "nothing of RELIANCE to exit",
            }
        ],
    }


@pytest.mark.parametrize("body", [[], {"client_ids": []}], ids=["a list", "an object"])
async def test_a_list_of_nobody_is_nobody(example: Site, body: object) -> None:
    await place(example)
    seq = example.system.desk.state.seq

    answer = await post(example, f"{TRADES}/exit-by-token/2885", body)

    assert answer == {"total_trades": 0, "results": []}
    assert example.system.desk.state.seq == seq


async def test_nobody_holds_it(example: Site) -> None:
    answer = await post(example, f"{TRADES}/exit-by-token/2885")

    assert (answer["total_trades"], answer["results"][0]["status"]) == (0, "SKIPPED")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"[1", "MALFORMED_JSON"),
        (b'["x"]', "WRONG_TYPE"),
        (b"[0]", "INVALID_VALUE"),
        (b"[1.5]", "WRONG_TYPE"),
        (b"null", "WRONG_TYPE"),
        (b"7", "WRONG_TYPE"),
        (b'{"clients":[1]}', "UNKNOWN_FIELD"),
        (b'{"client_ids":[1],"client_ids":[2]}', "DUPLICATE_FIELD"),
        (b'{"client_ids":null}', "WRONG_TYPE"),
        (b"[" * 5_000, "TOO_DEEP"),
        (b"[\xff]", "NOT_UTF8"),
    ],
    ids=str,
)
async def test_a_bad_list_of_clients_gets_nobody_out(
    example: Site, content: bytes, code: str
) -> None:
    seq = example.system.desk.state.seq
    headers = {"content-type": "application/json"}

    answer = await example.http.post(
        f"{TRADES}/exit-by-token/2885", content=content, headers=headers
    )

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert example.system.desk.state.seq == seq


async def test_the_exit_of_one_trade_takes_no_body(example: Site) -> None:
    answer = await example.send("POST", f"{TRADES}/NOBODY/exit", {"quantity": 1})

    assert (answer.status_code, answer.json()["code"]) == (422, "UNKNOWN_FIELD")


# --- clients and portfolios -------------------------------------------------------------------------


async def test_a_client_s_pnl_is_realized_and_unrealized(example: Site) -> None:
    await example.send("PATCH", "/api/v1/accounts/PAPER-1", {"charge_bps": 10})
    lot = await place(example)
    reprice(example, "1400")
    await place(example, execution_type="EXIT", quantity=4)

    client = await example.get("/api/v1/clients/1")

    trade = await example.get(f"{TRADES}/{lot}")
    book = example.system.desk.state.books["PAPER-1/P"]
    gained = book.cash - whole(1_000_000) + whole(6 * 1_400)
    assert client["total_pnl"] == pytest.approx(gained / 10**8, abs=1e-9)
    assert trade["total_pnl"] == client["total_pnl"]
    assert trade["realized_pnl"] < 4 * 36 < trade["unrealized_pnl"]
    listed = await example.get("/api/v1/clients")
    assert [one["total_pnl"] for one in listed] == [client["total_pnl"], 0]
    assert client["updated_at"] > client["created_at"]


async def test_a_portfolio_adds_up_all_accounts(example: Site) -> None:
    second = Account("SECOND", 1, primary=False)
    cash = ((second.book, whole(500_000), ""),)
    await example.system.desk.execute(PutReference(ORIGIN, accounts=(second,), cash=cash))
    await example.system.desk.reconciler.reconcile(["SECOND"])
    await place(example)
    await place(example, account_id="SECOND", quantity=5)
    await place(example, order_type="LIMIT", price=1300, quantity=1)
    reprice(example, "1370")

    found = await example.get("/api/v1/clients/1/portfolio")

    assert list(found) == ["client", "cash", "holds", "positions", "totals", "updated_at"]
    assert found["cash"] == 1_500_000 - 15 * 1364
    assert found["holds"] == 1300
    (held,) = found["positions"]
    assert (held["id"], held["token_id"], held["symbol"], held["exchange"]) == (
        *(RELIANCE, "2885", "RELIANCE", "NSE"),
    )
    assert (held["trade_type"], held["quantity"], held["avg_price"]) == ("DELIVERY", 15, 1364)
    assert (held["current_price"], held["unrealized_pnl"]) == (1370, 90)
    assert found["totals"] == {
        "positions": 1,
        "invested": 15 * 1364,
        "current_value": 15 * 1370,
        "unrealized_pnl": 90,
        "realized_pnl": 0,
        "total_pnl": 90,
    }
    assert found["client"] == await example.get("/api/v1/clients/1")


# --- tokens -----------------------------------------------------------------------------------------


async def test_a_token_has_the_platform_s_shape(example: Site) -> None:
    reprice(example, "1370")
    reprice(example, "1360.5")

    answer = await example.http.get("/api/v1/tokens/NSE:2885")

    token = answer.json()
    assert list(token) == [
        *("id", "symbol", "token_id", "exchange", "instrument_type", "ltp", "open_price"),
        *("high_price", "low_price", "close_price", "volume", "lot_size", "tick_size"),
        *("is_active", "is_tradeable", "bid", "ask", "lower_circuit", "upper_circuit"),
        *("source", "age_s", "is_stale"),
    ]
    assert (token["id"], token["token_id"], token["symbol"]) == (RELIANCE, "2885", "RELIANCE")
    assert '"ltp":1360.5,' in answer.text
    assert (token["high_price"], token["low_price"], token["close_price"]) == (1370, 1360.5, 1364)
    assert (token["lot_size"], token["is_active"], token["is_tradeable"]) == (1, True, True)
    for name in ("2885", "RELIANCE"):
        assert (await example.get(f"/api/v1/tokens/{name}"))["id"] == RELIANCE


async def test_a_token_says_how_old_its_price_is_and_where_it_comes_from(example: Site) -> None:
    system = example.system
    closed = await example.get("/api/v1/tokens/NSE:2885")
    assert (closed["source"], closed["is_stale"], closed["bid"]) == ("CLOSE", False, None)
    assert closed["age_s"] > 86_400
    at = system.desk.clock.now() - 20 * SECOND
    low, high = whole(1_100), whole(1_500)
    told = (whole(1_360), whole(1_350), at, QuoteSource.REST, whole(1_359), whole(1_361), low, high)
    system.quotes.put(RELIANCE, Quote(*told))

    token = await example.get("/api/v1/tokens/NSE:2885")

    assert (token["bid"], token["ask"]) == (1359, 1361)
    assert (token["lower_circuit"], token["upper_circuit"]) == (1100, 1500)
    assert (token["source"], token["is_stale"]) == ("REST", True)
    assert 20 <= token["age_s"] < 300


async def test_tokens_are_found(example: Site) -> None:
    found = await example.get("/api/v1/tokens/search", q="REL", limit=8)

    assert "RELIANCE" in [one["symbol"] for one in found][:6]
    assert await example.get("/api/v1/tokens/search", q="no such thing at all") == []


async def test_who_holds_a_token(example: Site) -> None:
    await place(example, client_id=2)
    await place(example, client_id=1, quantity=3)
    await place(example, client_id=1, quantity=1, trade_type="MTF")
    await place(example, token_id="MINDA")

    found = await example.get("/api/v1/tokens/2885/holders")

    assert [(one["client_id"], one["trade_type"], one["quantity"]) for one in found] == [
        (1, "DELIVERY", 3),
        (1, "MTF", 1),
        (2, "DELIVERY", 10),
    ]
    assert list(found[0]) == [
        *("client_id", "client_name", "trade_type", "quantity", "avg_price", "current_price"),
        "unrealized_pnl",
    ]
