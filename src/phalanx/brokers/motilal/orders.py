"""What goes out: the bodies that place, modify and cancel, byte for byte.

Every order has a price: the broker's documents forbid market orders by API, so MARKET goes as a limit at
its protected price, and STOP as a stop with one. Quantities are lots on this wire, and only here. Orders
for after the market, and those good for longer than their day, are not among the terms that we declare,
so no field of theirs is ever filled in.
"""

from collections.abc import Mapping

import msgspec

from phalanx.brokers.motilal.known import Terms
from phalanx.brokers.motilal.products import EXCHANGES, wire_product
from phalanx.brokers.motilal.row import PRICE_DIGITS
from phalanx.brokers.motilal.terms import NAME
from phalanx.brokers.port import PlaceRequest, ReplaceRequest
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import DIGITS, SCALE, Price, Quantity, format_fixed
from phalanx.domain.orders import STOPPED, Side, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode

_STEP = 10 ** (DIGITS - PRICE_DIGITS)
_DURATIONS: Mapping[TimeInForce, str] = {TimeInForce.DAY: "DAY", TimeInForce.IOC: "IOC"}
_SIDES: Mapping[Side, str] = {Side.BUY: "BUY", Side.SELL: "SELL"}
_TOKEN_DIGITS_MAX = 10


class _Place(msgspec.Struct, omit_defaults=True, kw_only=True):
    clientcode: str = ""
    exchange: str
    symboltoken: int
    buyorsell: str
    ordertype: str
    producttype: str
    orderduration: str
    price: msgspec.Raw
    triggerprice: msgspec.Raw
    quantityinlot: int
    disclosedquantity: int
    amoorder: str
    algoid: str
    tag: str


class _Modify(msgspec.Struct, omit_defaults=True, kw_only=True):
    clientcode: str = ""
    uniqueorderid: str
    newordertype: str
    neworderduration: str
    newprice: msgspec.Raw
    newtriggerprice: msgspec.Raw
    newquantityinlot: int
    newdisclosedquantity: int
    lastmodifiedtime: str
    qtytradedtoday: int


class _Cancel(msgspec.Struct, omit_defaults=True, kw_only=True):
    clientcode: str = ""
    uniqueorderid: str


def place_body(
    request: PlaceRequest, instrument: Instrument, algo_id: str, client_code: str = ""
) -> bytes | Reason:
    """A new order; or why not one byte of it may be written."""
    if not algo_id:
        return Reason(ReasonCode.NO_ALGO_ID, (request.account,))
    exchange, token = instrument.exchange, instrument.token
    product = wire_product(request.product, exchange)
    if exchange not in EXCHANGES or not _is_token(token):
        return Reason(ReasonCode.ORDER_TYPE_NOT_SUPPORTED, (NAME, instrument.key))
    if product is None:
        words = f"{request.product.name} {exchange}"
        return Reason(ReasonCode.ORDER_TYPE_NOT_SUPPORTED, (NAME, words))
    lots = lots_of(request.quantity, instrument.lot_size)
    stop = request.stop_price if request.ord_type in STOPPED else 0
    price, trigger = rupees(request.limit), rupees(stop)
    if isinstance(lots, Reason):
        return lots
    if isinstance(price, Reason):
        return price
    if isinstance(trigger, Reason):
        return trigger
    body = _Place(
        clientcode=client_code,
        exchange=exchange,
        symboltoken=int(token),
        buyorsell=_SIDES[request.side],
        ordertype="STOPLOSS" if request.ord_type in STOPPED else "LIMIT",
        producttype=product,
        orderduration=_DURATIONS[request.time_in_force],
        price=price,
        triggerprice=trigger,
        quantityinlot=lots,
        disclosedquantity=0,
        amoorder="N",
        algoid=algo_id,
        tag=request.cl_ord_id,
    )
    return msgspec.json.encode(body)


def modify_body(
    request: ReplaceRequest, terms: Terms, lot_size: Quantity, client_code: str = ""
) -> bytes | Reason:
    """A working order with another quantity, its whole one, and another price; the rest as it is there.

    The broker compares ``lastmodifiedtime`` and ``qtytradedtoday`` with its own, so that nobody modifies an
    order that is another by now.
    """
    lots = lots_of(request.quantity, lot_size)
    price = rupees(request.limit)
    if isinstance(lots, Reason):
        return lots
    if isinstance(price, Reason):
        return price
    trigger = rupees(terms.trigger)
    if isinstance(trigger, Reason):
        return trigger
    body = _Modify(
        clientcode=client_code,
        uniqueorderid=request.order_id,
        newordertype="STOPLOSS" if terms.trigger else "LIMIT",
        neworderduration=terms.duration,
        newprice=price,
        newtriggerprice=trigger,
        newquantityinlot=lots,
        newdisclosedquantity=0,
        lastmodifiedtime=terms.modified,
        qtytradedtoday=terms.traded_today,
    )
    return msgspec.json.encode(body)


def cancel_body(order_id: str, client_code: str = "") -> bytes:
    """Call an order back."""
    return msgspec.json.encode(_Cancel(clientcode=client_code, uniqueorderid=order_id))


def lots_of(quantity: Quantity, lot_size: Quantity) -> int | Reason:
    """So many lots are these shares; refused where that is not a whole number of them."""
    lot = lot_size or SCALE
    lots, rest = divmod(quantity, lot)
    if rest or lots <= 0:
        return Reason(ReasonCode.LOT_MULTIPLE, (quantity, lot))
    return lots


def rupees(price: Price) -> msgspec.Raw | Reason:
    """A price as a JSON number of rupees; refused with a fifth decimal."""
    if price % _STEP or price < 0:
        return Reason(ReasonCode.OFF_TICK, (price, _STEP))
    return msgspec.Raw(format_fixed(price).encode())


def _is_token(token: str) -> bool:
    return token.isascii() and token.isdigit() and len(token) <= _TOKEN_DIGITS_MAX
