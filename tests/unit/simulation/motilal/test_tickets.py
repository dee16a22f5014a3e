"""What is wrong with an order is said by a code of the broker's own table, and nothing of it is taken."""

import pytest

from tests.fakes.motilal import ORDERS, PLACE, Caller, order, simulated

OPTION = {"exchange": "NSEFO", "symboltoken": 35020, "producttype": "NORMAL", "price": 300}
STOP = {"ordertype": "STOPLOSS"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exchange": "NYSE"}, "MO1051"),
        ({"exchange": ["NSE"]}, "MO1051"),
        ({"symboltoken": "1660"}, "MO1058"),
        ({"symboltoken": 500116}, "MO1058"),
        ({"buyorsell": "B"}, "MO1052"),
        ({"ordertype": "SL"}, "MO1053"),
        ({"producttype": "CNC"}, "MO1057"),
        (OPTION | {"producttype": "DELIVERY"}, "MO1084"),
        ({"orderduration": "EOS"}, "MO1054"),
        ({"quantityinlot": 0}, "MO1055"),
        ({"quantityinlot": "10"}, "MO1055"),
        ({"quantityinlot": 1.5}, "MO1055"),
        ({"disclosedquantity": 11}, "MO1056"),
        ({"disclosedquantity": -1}, "MO1056"),
        ({"disclosedquantity": 5, "orderduration": "IOC"}, "MO1071"),
        (OPTION | {"disclosedquantity": 5}, "MO1082"),
        ({"amoorder": "X"}, "MO1061"),
        ({"amoorder": ["Y"]}, "MO1061"),
        ({"price": 0}, "MO1083"),
        ({"price": "400"}, "MO1083"),
        ({"price": 400.00001}, "MO1083"),
        ({"price": 329.85}, "MO1073"),
        ({"price": 494.85}, "MO1074"),
        ({"ordertype": "MARKET", "price": 0}, "M01108"),
        (STOP, "MO1075"),
        (STOP | {"triggerprice": -1}, "MO1076"),
        (STOP | {"triggerprice": 100}, "MO1076"),
        (STOP | {"triggerprice": 401}, "MO1077"),
        (STOP | {"triggerprice": 399, "buyorsell": "SELL"}, "MO1078"),
        ({"triggerprice": 399}, "MO1079"),
        ({"tag": "ELEVENCHARS"}, "MO1080"),
        ({"tag": 7}, "MO1080"),
        ({"tag": "A-1"}, "MO1081"),
        ({"algoid": "12345678901"}, "MO1064"),
        ({"participantcode": "1" * 21}, "MO1102"),
        ({"orderduration": "GTD"}, "MO1085"),
        ({"orderduration": "GTD", "goodtilldate": "2026-01-30"}, "MO1063"),
        ({"orderduration": "GTD", "goodtilldate": "31-Feb-2026"}, "MO1063"),
        ({"orderduration": "GTD", "goodtilldate": "04-Jan-2026"}, "MO1063"),
        ({"orderduration": "GTC"}, "MO1086"),
    ],
)
async def test_a_bad_order_is_refused_by_its_code(
    caller: Caller, changes: dict[str, object], code: str
) -> None:
    assert await caller.code(PLACE, **order(**changes)) == code
    assert await caller.code(ORDERS) == "MO1013"


@pytest.mark.parametrize(
    "changes",
    [
        {"producttype": "Normal"},
        {"producttype": "ValuePlus"},
        {"price": 329.9},
        {"price": 494.8},
        {"tag": "TENCHARS10"},
        {"tag": " "},
        {"orderduration": "GTD", "goodtilldate": "05-Jan-2026"},
        {"goodtilldate": "30-Jan-2022"},
        STOP | {"triggerprice": 399.95},
        STOP | {"triggerprice": 399.95, "price": 0},
        OPTION | {"producttype": "VALUEPLUS"},
        {
            "exchange": "MCX",
            "symboltoken": 440939,
            "producttype": "NORMAL",
            "price": 131_000,
            "quantityinlot": 1,
            "orderduration": "GTC",
        },
    ],
)
async def test_a_good_order_is_taken(caller: Caller, changes: dict[str, object]) -> None:
    assert await caller.place(**changes)


async def test_a_stop_without_a_price_may_be_refused_like_a_market_order() -> None:
    async with simulated(stop_market=False) as caller:
        stop = order(ordertype="STOPLOSS", triggerprice=414, price=0)

        assert await caller.code(PLACE, **stop) == "M01108"


async def test_a_code_alone_does_not_name_a_scrip(caller: Caller) -> None:
    share = await caller.place(symboltoken=1594, price=1500, quantityinlot=1)
    currency = await caller.place(
        exchange="NSECD", symboltoken=1594, producttype="NORMAL", price=88.4, quantityinlot=1
    )

    assert (await caller.row(share))["symbol"] == "INFY EQ"
    assert (await caller.row(currency))["symbol"] == "USDINR"
