"""Rows as the broker's books and its order stream write them: the same order looks different in each."""

from datetime import date
from typing import Any, TypeAlias

from phalanx.domain.numbers import Price
from phalanx.simulation.motilal.amounts import counted, rupees
from phalanx.simulation.motilal.config import Holding
from phalanx.simulation.motilal.moments import day_of, stamp
from phalanx.simulation.motilal.orders import Order, Trade
from phalanx.simulation.motilal.portfolio import Position
from phalanx.simulation.motilal.scrips import Scrip

Row: TypeAlias = dict[str, Any]

PRECISION = 2
VENDOR = "MOFSL"


def order_row(order: Order) -> Row:
    """A row of the order book: prices are rupees, quantities shares."""
    scrip = order.ticket.scrip
    return _order(order) | {
        "optiontype": f"{scrip.option} ",
        "buyorsell": order.ticket.side.title(),
        "tag": order.ticket.tag or " ",
        "recordinserttime": stamp(order.inserted),
        "participantcode": order.ticket.participant,
    }


def order_detail(order: Order) -> Row:
    """The row of one order: with what a bracket would have, and without its tag."""
    row = order_row(order)
    del row["tag"]
    return row | {
        "ordertype": "C",
        "booktype": row["ordertype"],
        "stoploss": 0,
        "squareoff": 0,
        "trailingstoploss": 0,
    }


def order_frame(order: Order, *, shouts: bool) -> Row:
    """An order as the stream sends it."""
    scrip = order.ticket.scrip
    row = _order(order) | {
        "optiontype": scrip.series if scrip.is_cash else scrip.option,
        "buyorsell": str(order.ticket.side),
        "tag": order.ticket.tag,
    }
    if shouts:
        row["orderstatus"] = row["orderstatus"].upper()
    return row


def _order(order: Order) -> Row:
    ticket, terms = order.ticket, order.terms
    scrip = ticket.scrip
    return {
        "ordercategory": "NORMAL",
        "clientid": ticket.client,
        "exchange": scrip.exchange,
        "symboltoken": scrip.code,
        "symbol": scrip.name if scrip.is_cash else scrip.short,
        "series": scrip.series,
        "expirydate": scrip.expiry or "0",
        "strikeprice": rupees(scrip.strike),
        "orderid": order.exchange_id,
        "orderinitiatorid": ticket.initiator,
        "ordertype": terms.kind.title(),
        "orderduration": terms.duration.title(),
        "producttype": str(ticket.product),
        "error": order.error,
        "orderstatus": str(order.status),
        "totalqtyremaining": order.remaining,
        "orderqty": terms.quantity,
        "qtytradedtoday": order.traded,
        "disclosedqty": terms.disclosed,
        "price": rupees(terms.price),
        "triggerprice": rupees(terms.trigger),
        "entrydatetime": stamp(order.entered),
        "lastmodifiedtime": stamp(order.modified),
        "vendor": VENDOR,
        "uniqueorderid": order.id,
        "goodtilldate": terms.until or "0",
        "algoid": ticket.algo or 0,
        "algocategory": 0,
        "averageprice": rupees(order.average),
        "totalqtytraded": order.traded,
        "lotsize": scrip.lot,
    }


def trade_row(trade: Trade, precision: str) -> Row:
    """A row of the trade book: prices are integers × 10^2, whatever ``precision`` says of it."""
    scrip = trade.order.ticket.scrip
    row = _trade(trade) | {
        "symboltoken": str(scrip.code),
        "buyorsell": trade.order.ticket.side.title(),
        "expirydate": _slashed(day_of(scrip.expiry)),
        "precision": PRECISION if precision == "present" else 0,
        "tradeprice": counted(trade.price, PRECISION),
        "tradevalue": counted(trade.price * trade.quantity, PRECISION),
    }
    if precision == "absent":
        del row["precision"]
    return row


def trade_frame(trade: Trade) -> Row:
    """A trade as the stream sends it: rupees, although it speaks of a precision of 2."""
    scrip = trade.order.ticket.scrip
    return _trade(trade) | {
        "symboltoken": scrip.code,
        "buyorsell": str(trade.order.ticket.side),
        "expirydate": scrip.expiry or "0",
        "precision": PRECISION,
        "tradeprice": rupees(trade.price),
        "tradevalue": rupees(trade.price * trade.quantity),
    }


def _trade(trade: Trade) -> Row:
    scrip = trade.order.ticket.scrip
    return {
        "clientid": trade.order.ticket.client,
        "exchange": scrip.exchange,
        "producttype": str(trade.order.ticket.product),
        "symbol": scrip.name if scrip.is_cash else scrip.short,
        "instrumenttype": scrip.instrument,
        "series": scrip.series,
        "strikeprice": rupees(scrip.strike),
        "optiontype": scrip.series if scrip.is_cash else scrip.option,
        "lotsize": scrip.lot,
        "multiplier": 1,
        "tradeqty": trade.quantity,
        "orderid": trade.order.exchange_id,
        "tradeno": trade.number,
        "tradetime": stamp(trade.time),
        "uniqueorderid": trade.order.id,
    }


def position_row(position: Position, ltp: Price) -> Row:
    """A row of the positions: amounts in rupees, earlier shares at the last close, and once at their cost."""
    scrip = position.scrip
    bought, paid, sold, got = position.sides(scrip.close)
    booked, unrealised = position.result(scrip.close, ltp)
    booked_really, unrealised_really = position.result(position.cost, ltp)
    long, short = max(position.carried, 0), max(-position.carried, 0)
    return {
        "exchange": scrip.exchange,
        "clientcode": position.client,
        "productname": str(position.product),
        "symboltoken": scrip.code,
        "symbol": scrip.short,
        "buyquantity": bought,
        "buyamount": rupees(paid),
        "sellquantity": sold,
        "sellamount": rupees(got),
        "daybuyquantity": position.bought,
        "daybuyamount": rupees(position.bought_for),
        "daysellquantity": position.sold,
        "daysellamount": rupees(position.sold_for),
        "LTP": rupees(ltp),
        "marktomarket": rupees(unrealised),
        "bookedprofitloss": rupees(booked),
        "cfbuyquantity": long,
        "cfbuyamount": rupees(long * position.cost),
        "cfsellquantity": short,
        "cfsellamount": rupees(short * position.cost),
        "actualbookedprofitloss": rupees(booked_really),
        "actualmarktomarket": rupees(unrealised_really),
        "series": scrip.series,
        "expirydate": scrip.expiry or "0",
        "strikeprice": rupees(scrip.strike),
        "optiontype": scrip.option,
    }


def open_row(position: Position, day: str) -> Row:
    """A row of the position detail: what is open, and what a share of it cost."""
    scrip = position.scrip
    bought, paid, sold, got = position.sides(position.cost)
    cost = (paid // bought if position.net > 0 else got // sold) if position.net else 0
    return {
        "clientcode": position.client,
        "transactiondate": day,
        "exchange": scrip.exchange,
        "symbol": scrip.name,
        "expirydate": scrip.expiry or "0",
        "strikeprice": rupees(scrip.strike),
        "optiontype": scrip.option,
        "symboltoken": scrip.code,
        "openquantity": position.net,
        "openprice": rupees(cost),
    }


def holding_row(client: str, holding: Holding, blocked: int) -> Row:
    """A row of the holdings. It has no price; ``dpquantity`` is all of it, not what may be sold."""
    return {
        "clientcode": client,
        "scripisinno": holding.isin,
        "dpquantity": holding.total,
        "blockedquantity": blocked,
        "scripname": holding.name,
        "buyavgprice": rupees(holding.average),
        "poaquantity": holding.free,
        "collateralquantity": holding.collateral,
        "outstandingquantity": 0,
        "debitstockquantity": holding.debit,
        "nonpoaquantity": 0,
        "rmssellingquantity": 0,
        "btstquantity": holding.btst,
        "buybackquantity": 0,
        "tpinquantity": holding.tpin,
        "slbmquantity": 0,
        "nbfcquantity": 0,
        "bsescripcode": holding.bse_code,
        "nsesymboltoken": holding.nse_code,
    }


def circuits(scrip: Scrip) -> Row:
    """What only the JSON form of the master says."""
    return {
        "lowercircuitprice": rupees(scrip.lowest),
        "uppercircuitprice": rupees(scrip.highest),
    }


def _slashed(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else "0"
