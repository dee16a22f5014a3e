import pytest

from phalanx.brokers.motilal.known import Terms
from phalanx.brokers.motilal.orders import (
    cancel_body,
    lots_of,
    modify_body,
    place_body,
    rupees,
)
from phalanx.brokers.port import ReplaceRequest
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import Reason
from tests.unit.brokers.motilal.samples import FUTURE, IDBI, order

BUY = (
    b'{"exchange":"NSE","symboltoken":1476,"buyorsell":"BUY","ordertype":"LIMIT",'
    b'"producttype":"DELIVERY","orderduration":"DAY","price":2784.5,"triggerprice":0,'
    b'"quantityinlot":20,"disclosedquantity":0,"amoorder":"N","algoid":"77","tag":"K700000001"}'
)
TERMS = Terms(
    modified="14-Feb-2023 10:52:50",
    was_modified=False,
    traded_today=5,
    duration="DAY",
    trigger=0,
    quantity=whole(20),
    limit=parse_fixed("2784.5"),
)


def refused(body: bytes | Reason) -> str:
    assert isinstance(body, Reason)
    return str(body.code)


def test_a_buy_is_written_field_by_field_as_documented() -> None:
    assert place_body(order(), IDBI, "77") == BUY


def test_a_dealer_names_the_client_first() -> None:
    assert place_body(order(), IDBI, "77", "AA020") == b'{"clientcode":"AA020",' + BUY[1:]


def test_a_market_order_goes_as_a_limit_at_its_protected_price() -> None:
    assert place_body(order(ord_type=OrdType.MARKET), IDBI, "77") == BUY


@pytest.mark.parametrize("ord_type", [OrdType.STOP, OrdType.STOP_LIMIT])
def test_a_stop_has_a_trigger_and_a_price(ord_type: OrdType) -> None:
    body = place_body(order(ord_type=ord_type, stop="2780.05"), IDBI, "77")

    assert isinstance(body, bytes)
    assert b'"ordertype":"STOPLOSS"' in body
    assert b'"price":2784.5,"triggerprice":2780.05,' in body


def test_a_sell_of_a_derivative_is_in_lots_and_normal() -> None:
    request = order(instrument=FUTURE, side=Side.SELL, quantity="75", time_in_force=TimeInForce.IOC)

    body = place_body(request, FUTURE, "77")

    assert isinstance(body, bytes)
    assert b'"exchange":"NSEFO","symboltoken":48725,"buyorsell":"SELL"' in body
    assert b'"producttype":"NORMAL","orderduration":"IOC"' in body
    assert b'"quantityinlot":3,' in body


@pytest.mark.parametrize(
    ("product", "word"),
    [(Product.DELIVERY, b"DELIVERY"), (Product.INTRADAY, b"VALUEPLUS"), (Product.MTF, b"MTF")],
)
def test_each_product_has_its_word_in_the_cash_segment(product: Product, word: bytes) -> None:
    body = place_body(order(product=product), IDBI, "77")

    assert isinstance(body, bytes)
    assert b'"producttype":"' + word + b'"' in body


def test_what_is_no_whole_lot_is_refused_before_any_byte() -> None:
    assert (
        refused(place_body(order(instrument=FUTURE, quantity="40"), FUTURE, "77")) == "LOT_MULTIPLE"
    )


def test_a_part_of_a_share_is_refused() -> None:
    assert refused(place_body(order(quantity="1.5"), IDBI, "77")) == "LOT_MULTIPLE"


def test_without_an_algo_id_nothing_is_written() -> None:
    assert refused(place_body(order(), IDBI, "")) == "NO_ALGO_ID"


@pytest.mark.parametrize("product", [Product.INTRADAY, Product.MTF])
def test_what_a_derivative_would_not_come_back_as_is_refused(product: Product) -> None:
    request = order(instrument=FUTURE, product=product, quantity="25")

    assert refused(place_body(request, FUTURE, "77")) == "ORDER_TYPE_NOT_SUPPORTED"


@pytest.mark.parametrize(
    ("exchange", "token"), [("LOCAL", "1"), ("NSE", "RELIANCE"), ("NSE", ""), ("NSE", "1" * 11)]
)
def test_what_is_not_traded_there_is_refused(exchange: str, token: str) -> None:
    other = Instrument(f"{exchange}:{token}", exchange, token, "X", "EQ", whole(1), 1)

    assert refused(place_body(order(), other, "77")) == "ORDER_TYPE_NOT_SUPPORTED"


def test_a_fifth_decimal_of_a_price_is_refused() -> None:
    assert refused(place_body(order(limit="100.00001"), IDBI, "77")) == "OFF_TICK"


def test_a_fifth_decimal_of_a_stop_is_refused() -> None:
    request = order(ord_type=OrdType.STOP, stop="100.00001")

    assert refused(place_body(request, IDBI, "77")) == "OFF_TICK"


def test_a_modify_repeats_what_the_broker_compares() -> None:
    request = ReplaceRequest(
        "R1", "K700000001", "1000001AA020", "A", whole(30), parse_fixed("2790.25")
    )

    assert modify_body(request, TERMS, whole(1), "AA020") == (
        b'{"clientcode":"AA020","uniqueorderid":"1000001AA020","newordertype":"LIMIT",'
        b'"neworderduration":"DAY","newprice":2790.25,"newtriggerprice":0,'
        b'"newquantityinlot":30,"newdisclosedquantity":0,'
        b'"lastmodifiedtime":"14-Feb-2023 10:52:50","qtytradedtoday":5}'
    )


@pytest.mark.parametrize(
    ("quantity", "limit", "code"), [("30", "1.00001", "OFF_TICK"), ("31", "1", "LOT_MULTIPLE")]
)
def test_a_modify_has_whole_lots_and_four_decimals(quantity: str, limit: str, code: str) -> None:
    request = ReplaceRequest("R1", "K", "O", "A", parse_fixed(quantity), parse_fixed(limit))

    assert refused(modify_body(request, TERMS, whole(10))) == code


def test_a_cancel_names_the_order() -> None:
    assert cancel_body("1000001AA020") == b'{"uniqueorderid":"1000001AA020"}'
    assert cancel_body("1000001AA020", "AA020") == (
        b'{"clientcode":"AA020","uniqueorderid":"1000001AA020"}'
    )


@pytest.mark.parametrize(
    ("price", "text"),
    [("0.05", b"0.05"), ("100", b"100"), ("1364.5", b"1364.5"), ("0.0001", b"0.0001")],
)
def test_a_price_is_a_plain_number_of_rupees(price: str, text: bytes) -> None:
    found = rupees(parse_fixed(price))

    assert not isinstance(found, Reason)
    assert bytes(found) == text


def test_no_quantity_is_no_lot() -> None:
    assert isinstance(lots_of(0, whole(1)), Reason)
    assert isinstance(lots_of(-whole(1), whole(1)), Reason)
    assert lots_of(whole(3), 0) == 3
