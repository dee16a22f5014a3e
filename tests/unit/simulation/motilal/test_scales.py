"""Each channel has a scale of its own; positions, holdings and margins follow the fills."""

import pytest

from phalanx.domain.numbers import parse_fixed, whole
from tests.fakes.motilal import (
    CONVERT,
    DEALER,
    HOLDINGS,
    INDEX_LTP,
    ITC,
    LTP,
    MARGIN,
    MARGIN_SUMMARY,
    ORDERS,
    POSITIONS,
    TRADES,
    Caller,
    simulated,
)

OPEN = "/rest/book/v4/getpositiondetail"
RELAXO = 24225
IDBI = 1476


async def filled(
    caller: Caller, price: str = "412.55", quantity: int = 20, **changes: object
) -> str:
    unique_id = await caller.place(price=412, quantityinlot=quantity, **changes)
    caller.sim.step()
    caller.sim.orders.fill(unique_id, quantity, parse_fixed(price))
    return unique_id


async def test_the_order_book_is_in_rupees_and_the_trade_book_in_integers(caller: Caller) -> None:
    await filled(caller)

    (order,) = await caller.rows(ORDERS)
    (trade,) = await caller.rows(TRADES)

    assert (order["price"], order["averageprice"]) == (412, 412.55)
    assert (order["buyorsell"], order["symboltoken"], order["optiontype"]) == ("Buy", ITC, "XX ")
    assert (trade["tradeprice"], trade["tradevalue"], trade["tradeqty"]) == (41255, 825100, 20)
    assert (trade["precision"], trade["symboltoken"]) == (2, str(ITC))


@pytest.mark.parametrize(("precision", "shown"), [("absent", None), ("zero", 0)])
async def test_the_trade_book_is_in_paise_whatever_it_says(
    precision: str, shown: int | None
) -> None:
    async with simulated(precision=precision) as caller:
        await filled(caller)

        (trade,) = await caller.rows(TRADES)

        assert (trade["tradeprice"], trade.get("precision")) == (41255, shown)


async def test_the_average_is_of_all_fills_with_four_decimals(caller: Caller) -> None:
    unique_id = await caller.place(quantityinlot=3)
    caller.sim.step()
    caller.sim.orders.fill(unique_id, 1, whole(400))
    caller.sim.orders.fill(unique_id, 2, parse_fixed("399.95"))

    assert (await caller.row(unique_id))["averageprice"] == 399.9666


async def test_the_last_price_is_in_paise_and_an_index_in_rupees(caller: Caller) -> None:
    ltp = (await caller.post(LTP, exchange="NSE", scripcode=ITC))["data"]
    named = await caller.rows(INDEX_LTP, exchange="NSE", scripcode="26000")
    renamed = await caller.rows(INDEX_LTP, exchangename="NSE", scripcode=26000)

    assert (ltp["ltp"], ltp["bid"], ltp["ask"], ltp["close"]) == (41235, 41230, 41240, 41235)
    assert named == renamed
    assert (named[0]["exchange"], named[0]["ltp"]) == ("NSECASH", 25321.9)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (LTP, {"exchange": "NSE", "scripcode": "1660"}, "MO1058"),
        (LTP, {"exchange": "X", "scripcode": 1660}, "MO1051"),
        (INDEX_LTP, {"exchange": "NSE", "scripcode": "1"}, "MO1058"),
        (INDEX_LTP, {"exchange": "NSE", "scripcode": "Nifty"}, "MO1058"),
    ],
)
async def test_a_price_of_nothing_is_refused(
    caller: Caller, path: str, body: dict[str, object], code: str
) -> None:
    assert await caller.code(path, **body) == code


async def test_a_position_has_today_and_the_days_before_apart() -> None:
    async with simulated(DEALER) as caller:
        unique_id = await caller.place(
            clientcode="AA021",
            exchange="NSEFO",
            symboltoken=34100,
            buyorsell="SELL",
            producttype="NORMAL",
            price=1380,
            quantityinlot=2,
        )
        caller.sim.step()
        caller.sim.orders.fill(unique_id, 500, whole(1_380))
        caller.sim.prices.set("NSEFO", 34100, whole(1_375))

        (row,) = await caller.rows(POSITIONS, clientcode="AA021")

        assert (row["buyquantity"], row["buyamount"]) == (500, 685_600)
        assert (row["sellquantity"], row["daysellquantity"], row["cfbuyquantity"]) == (
            500,
            500,
            500,
        )
        assert row["cfbuyamount"] == 675_000
        assert row["bookedprofitloss"] == 4_400
        assert row["actualbookedprofitloss"] == 15_000
        assert (row["marktomarket"], row["LTP"]) == (0, 1375)


async def test_open_profit_is_of_the_side_that_is_open(caller: Caller) -> None:
    await filled(caller, "400", 20, producttype="VALUEPLUS", buyorsell="SELL")
    await filled(caller, "390", 5, producttype="VALUEPLUS")
    caller.sim.prices.set("NSE", ITC, whole(405))

    (row,) = await caller.rows(POSITIONS)

    assert (row["buyquantity"], row["sellquantity"]) == (5, 20)
    assert (row["bookedprofitloss"], row["marktomarket"]) == (50, -75)


async def test_a_position_is_converted_to_another_product(caller: Caller) -> None:
    await filled(caller, "400", 20, producttype="VALUEPLUS")
    asked = {
        "exchange": "NSE",
        "scripcode": ITC,
        "quantity": 15,
        "oldproduct": "ValuePlus",
        "newproduct": "Delivery",
    }

    assert await caller.code(CONVERT, **(asked | {"quantity": 21})) == "MO1016"
    assert await caller.code(CONVERT, **(asked | {"newproduct": "CNC"})) == "MO1057"
    assert (await caller.post(CONVERT, **asked))["status"] == "SUCCESS"
    rows = {row["productname"]: row["buyquantity"] for row in await caller.rows(POSITIONS)}
    assert rows == {"VALUEPLUS": 5, "DELIVERY": 15}


async def test_a_short_position_is_converted_too(caller: Caller) -> None:
    await filled(caller, "400", 20, producttype="VALUEPLUS", buyorsell="SELL")
    asked = {"exchange": "NSE", "scripcode": ITC, "oldproduct": "VALUEPLUS", "newproduct": "NORMAL"}
    await caller.post(CONVERT, **asked, quantity=20)

    (row,) = await caller.rows(OPEN)

    assert (row["openquantity"], row["openprice"], row["symbol"]) == (-20, 400, "ITC EQ")
    assert row["transactiondate"] == "05-Jan-2026"
    assert await caller.code(CONVERT, **asked, quantity=0) == "MO1055"


async def test_a_conversion_is_of_whole_lots_although_it_is_in_shares() -> None:
    async with simulated(DEALER) as caller:
        code = await caller.code(
            CONVERT,
            clientcode="AA021",
            exchange="NSEFO",
            scripcode=34100,
            quantity=501,
            oldproduct="NORMAL",
            newproduct="VALUEPLUS",
        )

        assert code == "MO1059"


# --- holdings ------------------------------------------------------------------------------------------


async def test_what_is_held_is_not_what_may_be_sold(caller: Caller) -> None:
    held, _ = await caller.rows(HOLDINGS)
    sale = {"symboltoken": RELAXO, "buyorsell": "SELL", "price": 440}
    free = await caller.place(**sale, quantityinlot=50)
    caller.sim.step()
    tpin = await caller.place(**sale, quantityinlot=60)
    collateral = await caller.place(**sale, quantityinlot=70)
    btst = await caller.place(**sale, quantityinlot=9, producttype="BTST")
    caller.sim.step()

    assert held["dpquantity"] == 1119
    assert (held["collateralquantity"], held["tpinquantity"], held["btstquantity"]) == (1000, 60, 9)
    assert (await caller.row(free))["orderstatus"] == "Confirm"
    assert "TPIN" in (await caller.row(tpin))["error"]
    assert "insufficient: 0 of 70" in (await caller.row(collateral))["error"]
    assert (await caller.row(btst))["orderstatus"] == "Confirm"
    assert (await caller.rows(HOLDINGS))[0]["blockedquantity"] == 59


async def test_a_share_is_held_once_whichever_exchange_it_is_sold_on(caller: Caller) -> None:
    await caller.place(symboltoken=IDBI, buyorsell="SELL", price=100, quantityinlot=400)
    caller.sim.step()
    other = await caller.place(
        exchange="BSE", symboltoken=500116, buyorsell="SELL", price=100, quantityinlot=101
    )
    caller.sim.step()

    assert "insufficient: 100 of 101" in (await caller.row(other))["error"]


async def test_what_was_bought_today_may_be_sold_today(caller: Caller) -> None:
    await filled(caller, "412", 20)
    sold = await caller.place(buyorsell="SELL", price=420, quantityinlot=20)
    caller.sim.step()

    assert (await caller.row(sold))["orderstatus"] == "Confirm"


# --- margin --------------------------------------------------------------------------------------------


async def margin(caller: Caller, path: str = MARGIN) -> dict[int, float]:
    return {row["srno"]: row["amount"] for row in await caller.rows(path)}


async def test_margin_moves_with_orders_fills_and_prices(caller: Caller) -> None:
    start = await margin(caller)
    unique_id = await caller.place(price=400, quantityinlot=100)
    standing = await margin(caller)
    caller.sim.step()
    caller.sim.orders.fill(unique_id, 100, whole(390))
    bought = await margin(caller)
    caller.sim.prices.set("NSE", ITC, whole(380))
    fallen = await margin(caller)

    assert (start[201], start[220], start[200]) == (1_000_000, 200_000, 1_200_000)
    assert (start[102], start[106], start[300]) == (1_200_000, 1_000_000, 0)
    assert (standing[102], standing[300]) == (1_160_000, 40_000)
    assert (bought[300], bought[301]) == (39_000, 39_000)
    assert bought[102] == 1_200_000 - 39_000 + 2_235
    assert (fallen[600], fallen[700]) == (-1_000, 0)
    assert fallen[102] == 1_200_000 - 39_000 - 1_000


async def test_booked_profit_stands_in_its_row_and_frees_the_margin(caller: Caller) -> None:
    await filled(caller, "400", 100, producttype="VALUEPLUS")
    held = await margin(caller)
    await filled(caller, "410", 100, producttype="VALUEPLUS", buyorsell="SELL")
    flat = await margin(caller)

    assert held[300] == 8_000
    assert (flat[300], flat[600], flat[700], flat[403]) == (0, 0, 1_000, 1_000)
    assert flat[102] == 1_201_000


async def test_a_sale_of_holdings_brings_cash_of_today(caller: Caller) -> None:
    unique_id = await caller.place(symboltoken=IDBI, buyorsell="SELL", price=92, quantityinlot=100)
    caller.sim.step()
    caller.sim.orders.fill(unique_id, 100, whole(92))

    rows = await margin(caller)

    assert (rows[205], rows[201], rows[202]) == (7_360, 1_007_360, 1_000_000)
    assert (rows[300], rows[600]) == (0, 0)


async def test_the_summary_has_fewer_rows_and_one_number_comes_twice_in_the_detail(
    caller: Caller,
) -> None:
    summary = await caller.rows(MARGIN_SUMMARY)
    detail = [row["srno"] for row in await caller.rows(MARGIN)]

    assert [row["srno"] for row in summary] == [
        *(102, 103, 104, 105, 106, 201, 220, 301, 321, 340, 360, 381, 600, 700)
    ]
    assert summary[0]["particulars"] == "Total Available Margin for Cash"
    assert detail.count(507) == 2


async def test_a_contract_binds_span_and_exposure() -> None:
    async with simulated(DEALER) as caller:
        rows = {row["srno"]: row["amount"] for row in await caller.rows(MARGIN, clientcode="AA021")}

        assert rows[321] == 101_250
        assert rows[322] + rows[323] == rows[321]
        assert rows[422] == 0
