"""Their rows as our words: orders, trades, positions, holdings, margin. Every function raises BadData for a
row that is not as the documents have it, and a reading with one such row is not complete.
"""

from collections.abc import Iterable, Mapping

from phalanx.brokers.motilal.endpoints import Scale
from phalanx.brokers.motilal.known import Terms
from phalanx.brokers.motilal.products import EXCHANGES, read_product
from phalanx.brokers.motilal.row import BadData, Flaw, Row
from phalanx.brokers.motilal.status import order_status
from phalanx.brokers.motilal.times import NEVER, date_of, first_time, parse_time
from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerOrder, BrokerPosition, BrokerTrade
from phalanx.domain.instruments import InstrumentKey, instrument_key
from phalanx.domain.numbers import Money, Price, Quantity, whole
from phalanx.domain.orders import Product, Side
from phalanx.domain.time import Nanoseconds

CASH_AVAILABLE = 102
"""The margin row that says what cash can be spent on equity."""

PAISE_DIGITS = 2
PRECISION_MAX = 8

ODD_FACTOR = 10
"""A price that is so many times another of the same instrument's day was read in the wrong scale: the
scales differ by a hundred at least, and no band lets a price go a tenth of that way in a day.
"""

_SIDES: Mapping[str, Side] = {"buy": Side.BUY, "sell": Side.SELL}
_DURATIONS: Mapping[str, str] = {"day": "DAY", "ioc": "IOC", "gtc": "GTC", "gtd": "GTD"}


def check_client(row: Row, field: str, client_code: str) -> None:
    """A row of another client in an answer about this one: nothing of that answer is believed."""
    code = row.text(field, "").upper()
    if code and code != client_code.upper():
        raise BadData(Flaw.OF_ANOTHER, field)


def order_of(row: Row, account: AccountId) -> BrokerOrder:
    """A row of the order book, or an order frame: shares and rupees."""
    cum_quantity = whole(row.count("totalqtytraded", 0))
    return BrokerOrder(
        order_id=row.name("uniqueorderid"),
        account=account,
        instrument=instrument_of(row, "exchange", "symboltoken"),
        side=_side(row),
        product=read_product(row.text("producttype")),
        quantity=whole(row.count("orderqty")),
        cum_quantity=cum_quantity,
        status=order_status(row.text("orderstatus"), cum_quantity),
        cl_ord_id=row.text("tag", ""),
        limit=_not_negative(row.rupees("price", 0), "price"),
        time=first_time(row.text("recordinserttime", ""), row.text("entrydatetime", "")),
        text=_without_zero(row.text("error", "")),
    )


def terms_of(row: Row) -> Terms:
    """What a modify of this order has to repeat, and what its last one left."""
    duration = row.text("orderduration", "day").lower()
    if duration not in _DURATIONS:
        raise BadData(Flaw.NOT_KNOWN, f"orderduration {duration}")
    return Terms(
        modified=_modified(row),
        was_modified=row.text("lastmodifiedtime", NEVER) not in ("", NEVER),
        traded_today=row.count("qtytradedtoday", 0),
        duration=_DURATIONS[duration],
        trigger=_not_negative(row.rupees("triggerprice", 0), "triggerprice"),
        quantity=whole(row.count("orderqty")),
        limit=_not_negative(row.rupees("price", 0), "price"),
    )


def trade_of(
    row: Row, account: AccountId, scale: Scale, today: Nanoseconds, reference: Price = 0
) -> BrokerTrade:
    """A row of the trade book, or a trade frame. ``reference``: about what the instrument costs, 0 where that
    is not known; ``today``: when it was read, for a row without a time.

    The same execution has the same ExecID wherever it is told. A trade number is its exchange's of that
    day, and the two sides of a trade with oneself share it.
    """
    instrument = instrument_of(row, "exchange", "symboltoken")
    quantity = row.count("tradeqty")
    price = _price(row, scale)
    order_id, number = row.name("uniqueorderid"), row.name("tradeno")
    if not quantity or price <= 0:
        raise BadData(Flaw.NOT_A_NUMBER, "a trade of nothing")
    if is_odd(price, reference):
        raise BadData(Flaw.ODD_SCALE, "tradeprice")
    time = parse_time(row.text("tradetime", ""))
    exchange = row.name("exchange").upper()
    return BrokerTrade(
        exec_id=f"{date_of(time or today)}-{exchange}-{number}-{order_id}",
        order_id=order_id,
        account=account,
        instrument=instrument,
        side=_side(row),
        product=read_product(row.text("producttype")),
        quantity=whole(quantity),
        price=price,
        time=time,
    )


def is_odd(price: Price, reference: Price) -> bool:
    """Whether both cannot be in rupees."""
    if not (price and reference):
        return False
    return price > reference * ODD_FACTOR or reference > price * ODD_FACTOR


def positions_of(
    positions: Iterable[Row], holdings: Iterable[Row], client_code: str
) -> tuple[BrokerPosition, ...]:
    """Net by instrument and product, demat holdings included as DELIVERY; what is flat is left out."""
    net: dict[tuple[InstrumentKey, Product], Quantity] = {}
    for row in positions:
        check_client(row, "clientcode", client_code)
        key = instrument_of(row, "exchange", "symboltoken"), read_product(row.text("productname"))
        held = row.count("buyquantity", 0) - row.count("sellquantity", 0)
        net[key] = net.get(key, 0) + whole(held)
    for row in holdings:
        check_client(row, "clientcode", client_code)
        key = _holding_key(row), Product.DELIVERY
        net[key] = net.get(key, 0) + whole(row.count("dpquantity", 0))
    return tuple(
        BrokerPosition(instrument, product, quantity)
        for (instrument, product), quantity in net.items()
        if quantity
    )


def cash_of(rows: Iterable[Row]) -> Money:
    """What the margin summary says can be spent; a summary without that row, or with two, says nothing."""
    found = [row.rupees("amount") for row in rows if row.whole("srno") == CASH_AVAILABLE]
    if len(found) != 1:
        raise BadData(Flaw.MISSING, f"srno {CASH_AVAILABLE}")
    return found[0]


def instrument_of(row: Row, exchange_field: str, token_field: str) -> InstrumentKey:
    """Tokens are unique within their exchange only."""
    exchange = row.name(exchange_field).upper()
    if exchange not in EXCHANGES:
        raise BadData(Flaw.NOT_KNOWN, f"exchange {exchange}")
    token = row.count(token_field)
    if not token:
        raise BadData(Flaw.MISSING, token_field)
    return instrument_key(exchange, str(token))


def _holding_key(row: Row) -> InstrumentKey:
    """Where it can be sold: NSE, and BSE where NSE does not have it."""
    token = row.count("nsesymboltoken", 0)
    if token:
        return instrument_key("NSE", str(token))
    token = row.count("bsescripcode", 0)
    if not token:
        raise BadData(Flaw.MISSING, "nsesymboltoken, bsescripcode")
    return instrument_key("BSE", str(token))


def _modified(row: Row) -> str:
    """``lastmodifiedtime`` is "0" until the first modify; then the broker means when it took the order."""
    for field in ("lastmodifiedtime", "recordinserttime", "entrydatetime"):
        text = row.text(field, "")
        if text and text != NEVER:
            return text
    return NEVER


def _price(row: Row, scale: Scale) -> Price:
    if scale is Scale.RUPEES:
        return row.rupees("tradeprice")
    precision = row.count("precision", 0) or PAISE_DIGITS
    if precision > PRECISION_MAX:
        raise BadData(Flaw.TOO_LARGE, "precision")
    return row.rupees("tradeprice", precision=precision)


def _side(row: Row) -> Side:
    text = row.text("buyorsell")
    found = _SIDES.get(text.lower())
    if found is None:
        raise BadData(Flaw.NOT_KNOWN, f"side {text}")
    return found


def _not_negative(value: Price, field: str) -> Price:
    if value < 0:
        raise BadData(Flaw.NOT_A_NUMBER, field)
    return value


def _without_zero(text: str) -> str:
    return "" if text == NEVER else text
