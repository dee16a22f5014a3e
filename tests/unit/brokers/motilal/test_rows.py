from typing import Any

import pytest

from phalanx.brokers.motilal.endpoints import Scale
from phalanx.brokers.motilal.row import BadData, Flaw
from phalanx.brokers.motilal.rows import cash_of, order_of, positions_of, terms_of, trade_of
from phalanx.brokers.motilal.times import parse_time
from phalanx.domain.broker_books import BrokerOrder, BrokerPosition, BrokerTrade
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import OrdStatus, Product, Side
from tests.unit.brokers.motilal.samples import HOLDING, MARGIN, ORDER, POSITION, TRADE, as_row

NOW = parse_time("15-Feb-2023 09:00:00")


def trade(
    scale: Scale = Scale.BY_PRECISION, reference: str = "0", **changes: object
) -> BrokerTrade:
    return trade_of(as_row(TRADE | changes), "A", scale, NOW, parse_fixed(reference))


def test_an_order_row_is_in_shares_and_rupees() -> None:
    assert order_of(as_row(ORDER), "A") == BrokerOrder(
        order_id="1000001AA020",
        account="A",
        instrument="NSE:1476",
        side=Side.BUY,
        product=Product.DELIVERY,
        quantity=whole(20),
        cum_quantity=0,
        status=OrdStatus.NEW,
        cl_ord_id="K700000001",
        limit=parse_fixed("2784.5"),
        time=parse_time("14-Feb-2023 10:52:50"),
    )


def test_a_rejected_order_says_why() -> None:
    found = order_of(as_row(ORDER | {"orderstatus": "Rejected", "error": "RMS: margin"}), "A")

    assert (found.status, found.text) == (OrdStatus.REJECTED, "RMS: margin")


def test_an_order_without_a_tag_is_nobodys() -> None:
    assert order_of(as_row(ORDER | {"tag": None}), "A").cl_ord_id == ""


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"orderstatus": "Cooking"}, Flaw.NOT_KNOWN),
        ({"producttype": "CNC"}, Flaw.NOT_KNOWN),
        ({"buyorsell": "HOLD"}, Flaw.NOT_KNOWN),
        ({"exchange": "NYSE"}, Flaw.NOT_KNOWN),
        ({"symboltoken": 0}, Flaw.MISSING),
        ({"uniqueorderid": None}, Flaw.MISSING),
        ({"orderqty": "many"}, Flaw.NOT_A_NUMBER),
        ({"orderqty": 10**30}, Flaw.TOO_LARGE),
        ({"price": -1}, Flaw.NOT_A_NUMBER),
        ({"recordinserttime": "noon"}, Flaw.NOT_A_TIME),
    ],
)
def test_an_order_row_that_is_not_as_documented_is_a_declared_error(
    changes: dict[str, Any], flaw: Flaw
) -> None:
    with pytest.raises(BadData) as found:
        order_of(as_row(ORDER | changes), "A")

    assert found.value.flaw is flaw


@pytest.mark.parametrize(
    ("changes", "modified", "was_modified"),
    [
        ({"lastmodifiedtime": "14-Feb-2023 11:00:00"}, "14-Feb-2023 11:00:00", True),
        ({}, "14-Feb-2023 10:52:50", False),
        ({"recordinserttime": "0"}, "14-Feb-2023 10:52:49", False),
        ({"recordinserttime": None, "entrydatetime": ""}, "0", False),
    ],
)
def test_a_modify_repeats_the_time_that_the_broker_compares(
    changes: dict[str, Any], modified: str, was_modified: bool
) -> None:
    found = terms_of(as_row(ORDER | changes))

    assert (found.modified, found.was_modified) == (modified, was_modified)


def test_a_duration_that_nobody_declared_is_an_error() -> None:
    with pytest.raises(BadData, match="NOT_KNOWN"):
        terms_of(as_row(ORDER | {"orderduration": "EOS"}))


def test_a_trade_of_the_book_is_scaled_by_its_precision() -> None:
    assert trade() == BrokerTrade(
        exec_id="20230214-NSE-50123456-1000001AA020",
        order_id="1000001AA020",
        account="A",
        instrument="NSE:1476",
        side=Side.BUY,
        product=Product.DELIVERY,
        quantity=whole(20),
        price=parse_fixed("2784"),
        time=parse_time("14-Feb-2023 10:53:01"),
    )


@pytest.mark.parametrize("precision", [0, None, ""])
def test_a_trade_of_the_book_without_a_precision_is_in_paise(precision: object) -> None:
    assert trade(precision=precision).price == parse_fixed("2784")


def test_a_precision_of_four_is_four_digits() -> None:
    assert trade(precision=4, tradeprice=834525).price == parse_fixed("83.4525")


def test_a_trade_frame_is_in_rupees_whatever_its_precision() -> None:
    found = trade(Scale.RUPEES, tradeprice=3597.05)

    assert found.price == parse_fixed("3597.05")


def test_the_same_execution_has_the_same_id_in_book_and_frame() -> None:
    assert trade().exec_id == trade(Scale.RUPEES, tradeprice="2784.0", precision=0).exec_id


def test_the_two_sides_of_a_trade_with_oneself_are_two_executions() -> None:
    other = trade(buyorsell="Sell", uniqueorderid="1000002AA020")

    assert trade().exec_id != other.exec_id


def test_a_trade_without_a_time_is_of_the_day_it_was_read() -> None:
    found = trade(tradetime="0")

    assert (found.exec_id[:8], found.time) == ("20230215", 0)


@pytest.mark.parametrize("reference", ["27.84", "278400"])
def test_a_price_in_another_scale_than_its_order_is_not_booked(reference: str) -> None:
    with pytest.raises(BadData, match="ODD_SCALE"):
        trade(reference=reference)


@pytest.mark.parametrize("reference", ["0", "2784.5", "2300", "3300"])
def test_a_price_near_its_order_is_believed(reference: str) -> None:
    assert trade(reference=reference).price == parse_fixed("2784")


@pytest.mark.parametrize(
    "changes",
    [{"tradeqty": 0}, {"tradeprice": 0}, {"tradeprice": -5}, {"tradeno": ""}, {"precision": 9}],
)
def test_a_trade_of_nothing_is_a_declared_error(changes: dict[str, Any]) -> None:
    with pytest.raises(BadData):
        trade(**changes)


def test_positions_and_holdings_are_one_net_quantity() -> None:
    rows = [
        as_row(POSITION),
        as_row(POSITION | {"productname": "VALUEPLUS", "buyquantity": 0, "sellquantity": 3}),
        as_row(POSITION | {"symboltoken": 99, "buyquantity": 4, "sellquantity": 4}),
    ]
    holdings = [as_row(HOLDING), as_row(HOLDING | {"nsesymboltoken": 0, "dpquantity": 7})]

    assert positions_of(rows, holdings, "AA020") == (
        BrokerPosition("NSE:1476", Product.DELIVERY, whole(115)),
        BrokerPosition("NSE:1476", Product.INTRADAY, -whole(3)),
        BrokerPosition("BSE:500116", Product.DELIVERY, whole(7)),
    )


def test_a_row_of_another_client_is_a_declared_error() -> None:
    with pytest.raises(BadData, match="OF_ANOTHER"):
        positions_of([as_row(POSITION | {"clientcode": "BB999"})], [], "AA020")


def test_a_holding_without_any_token_is_a_declared_error() -> None:
    with pytest.raises(BadData, match="MISSING"):
        positions_of([], [as_row(HOLDING | {"nsesymboltoken": 0, "bsescripcode": None})], "AA020")


def test_cash_is_what_can_be_spent_on_equity() -> None:
    assert cash_of([as_row(row) for row in MARGIN]) == parse_fixed("250000.75")


@pytest.mark.parametrize(
    "rows", [[], MARGIN[1:], [MARGIN[0], MARGIN[0]]], ids=["none", "others", "two"]
)
def test_a_summary_without_that_row_or_with_two_says_nothing(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(BadData, match="MISSING"):
        cash_of([as_row(row) for row in rows])
