"""The tables that more than one command shows."""

from phalanx.cli.screen import Column, Kind

POSITIONS = (
    Column("client", "client"),
    Column("account", "account"),
    Column("instrument", "instrument"),
    Column("product", "product"),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("selling", "selling", Kind.NUMBER),
    Column("sellable", "sellable", Kind.NUMBER),
    Column("average", "average_price", Kind.AMOUNT),
    Column("last", "last_price", Kind.AMOUNT),
    Column("unrealized", "unrealized_pnl", Kind.AMOUNT),
)
OPEN_BUYS = (
    Column("client", "client"),
    Column("account", "account"),
    Column("strategy", "strategy"),
    Column("instrument", "instrument"),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("filled", "filled", Kind.NUMBER),
    Column("product", "product"),
    Column("order", "order_id"),
    Column("opened", "opened_at", Kind.TIME),
)
ORDERS = (
    Column("order", "order_id"),
    Column("time", "time", Kind.TIME),
    Column("account", "account"),
    Column("side", "side"),
    Column("instrument", "symbol"),
    Column("type", "type"),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("price", "price", Kind.AMOUNT),
    Column("filled", "filled", Kind.NUMBER),
    Column("average", "average_price", Kind.AMOUNT),
    Column("status", "status"),
    Column("strategy", "strategy"),
    Column("reason", "reason"),
)
OUTCOMES = (
    Column("client", "client"),
    Column("account", "account"),
    Column("outcome", "status"),
    Column("order", "order_id"),
    Column("side", "side"),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("price", "price", Kind.AMOUNT),
    Column("reason", "reason"),
    Column("message", "message"),
)
INSTRUMENTS = (
    Column("instrument", "symbol"),
    Column("exchange", "exchange"),
    Column("token", "token_id", Kind.NUMBER),
    Column("type", "instrument_type"),
    Column("lot", "lot_size", Kind.NUMBER),
    Column("tick", "tick_size", Kind.NUMBER),
    Column("last", "last_price", Kind.AMOUNT),
    Column("price from", "price_source"),
    Column("tradable", "tradable"),
)
PAST_POSITIONS = POSITIONS[:-2]
SUBSCRIPTION_TERMS = (
    Column("account", "account"),
    Column("client", "client"),
    Column("enabled", "enabled"),
    Column("sell scope", "sell_scope"),
    Column("sizing", "sizing"),
    Column("product", "product"),
    Column("type", "type"),
)
SUBSCRIPTIONS = (*SUBSCRIPTION_TERMS, Column("instruments", "instruments", Kind.WORDS))
