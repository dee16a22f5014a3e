"""The broker's words as its public documents have them, and requests of ours about them."""

import json
from collections.abc import Mapping
from typing import Any

from phalanx.brokers.motilal import LoginSettings
from phalanx.brokers.motilal.credentials import Credentials
from phalanx.brokers.motilal.row import Row, decode
from phalanx.brokers.port import PlaceRequest
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.secrets import Secret

PLACED = (
    b'{"status":"SUCCESS","message":"Order Placed Successfully","errorcode":"",'
    b'"uniqueorderid":"2400155AA020"}'
)
REFUSED = b'{"status":"ERROR","message":"Invalid Product Type Parameter","errorcode":"MO1057"}'
MODIFIED = b'{"status":"SUCCESS","message":"Modify Order Request Sent Successfully","errorcode":""}'
CANCELED = b'{"status":"SUCCESS","message":"Cancel Order Request Sent","errorcode":""}'
LOGGED_IN = (
    b'{"status":"SUCCESS","message":"Return Auth Token SUCCESS","errorcode":"",'
    b'"AuthToken":"774a_M","isAuthTokenVerified":"TRUE"}'
)
ACCESS = b'{"status":"SUCCESS","message":"","errorcode":"","accesstoken":"acc_M"}'

ORDER: dict[str, Any] = {
    "ordercategory": "NORMAL",
    "clientid": "AA020",
    "exchange": "NSE",
    "symboltoken": 1476,
    "symbol": "IDBI",
    "series": "EQ",
    "expirydate": "0",
    "strikeprice": 0,
    "optiontype": "XX ",
    "orderid": "1000000000012345",
    "orderinitiatorid": "AA020",
    "ordertype": "Limit",
    "orderduration": "Day",
    "producttype": "Delivery",
    "error": "0",
    "orderstatus": "Confirm",
    "buyorsell": "Buy",
    "totalqtyremaining": 20,
    "orderqty": 20,
    "qtytradedtoday": 0,
    "disclosedqty": 0,
    "price": 2784.5,
    "triggerprice": 0.0,
    "entrydatetime": "14-Feb-2023 10:52:49",
    "lastmodifiedtime": "0",
    "vendor": "AA020",
    "uniqueorderid": "1000001AA020",
    "goodtilldate": "0",
    "algoid": "77",
    "algocategory": 0,
    "averageprice": 0.0,
    "totalqtytraded": 0,
    "lotsize": 1,
    "tag": "K700000001",
    "recordinserttime": "14-Feb-2023 10:52:50",
    "participantcode": "",
}

TRADE: dict[str, Any] = {
    "clientid": "AA020",
    "exchange": "NSE",
    "symboltoken": "1476",
    "producttype": "Delivery",
    "symbol": "IDBI",
    "instrumenttype": "",
    "series": "EQ",
    "strikeprice": 0,
    "optiontype": "XX",
    "expirydate": "0",
    "lotsize": 1,
    "precision": 2,
    "multiplier": 1,
    "tradeprice": 278400,
    "tradeqty": 20,
    "tradevalue": 5568000,
    "buyorsell": "Buy",
    "orderid": "1000000000012345",
    "tradeno": "50123456",
    "tradetime": "14-Feb-2023 10:53:01",
    "uniqueorderid": "1000001AA020",
}

POSITION: dict[str, Any] = {
    "exchange": "NSE",
    "clientcode": "AA020",
    "productname": "DELIVERY",
    "symboltoken": 1476,
    "symbol": "IDBI",
    "buyquantity": 20,
    "buyamount": 55680.0,
    "sellquantity": 5,
    "sellamount": 13930.0,
    "LTP": 2786.0,
}

HOLDING: dict[str, Any] = {
    "clientcode": "AA020",
    "scripisinno": "INE008A01015",
    "dpquantity": 100,
    "blockedquantity": 0,
    "scripname": "IDBI EQ",
    "buyavgprice": 80.25,
    "bsescripcode": 500116,
    "nsesymboltoken": 1476,
}

MARGIN: list[dict[str, Any]] = [
    {"srno": 102, "particulars": "Total Available Margin for Cash", "amount": 250000.75},
    {"srno": 201, "particulars": "Cash Margin", "amount": 250000.75},
    {"srno": 300, "particulars": "Margin Usage", "amount": 0},
]

IDBI = Instrument(
    "NSE:1476", "NSE", "1476", "IDBI-EQ", "EQ", lot_size=whole(1), tick_size=parse_fixed("0.05")
)
FUTURE = Instrument(
    "NSEFO:48725", "NSEFO", "48725", "BANKNIFTY FUT", "FUTIDX", whole(25), parse_fixed("0.05")
)
INSTRUMENTS = {one.key: one for one in (IDBI, FUTURE)}

CREDENTIALS = Credentials(
    user="AA020",
    password=Secret("Secret@1"),
    api_key=Secret("APIKEY123"),
    api_secret=Secret("hush"),
    second_factor=Secret("18/10/1988"),
    totp_seed=Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
)

SETTINGS = LoginSettings(
    public_ip="203.0.113.7", registered=("203.0.113.7",), algo_id="77", installed_app_id="u-1"
)


def order(
    *,
    account: str = "A",
    instrument: Instrument = IDBI,
    side: Side = Side.BUY,
    product: Product = Product.DELIVERY,
    ord_type: OrdType = OrdType.LIMIT,
    time_in_force: TimeInForce = TimeInForce.DAY,
    quantity: str = "20",
    limit: str = "2784.5",
    stop: str = "0",
    tag: str = "K700000001",
) -> PlaceRequest:
    return PlaceRequest(
        tag,
        account,
        instrument.key,
        side,
        product,
        ord_type,
        time_in_force,
        parse_fixed(quantity),
        parse_fixed(limit),
        parse_fixed(stop),
    )


def as_row(fields: Mapping[str, Any]) -> Row:
    """As it is read from the wire."""
    return Row(decode(json.dumps(fields)))


def ok(data: object) -> dict[str, object]:
    return {"status": "SUCCESS", "message": "", "errorcode": "", "data": data}
