"""The tables that more than one command shows."""

from phalanx.cli.display.screen import Column, Kind

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
    Column("instrument", "symbol"),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("price", "price", Kind.AMOUNT),
    Column("stop", "stop_price", Kind.AMOUNT),
    Column("charges", "charges", Kind.AMOUNT),
    Column("cash after", "cash_after", Kind.AMOUNT),
    Column("reason", "reason"),
    Column("message", "message"),
)
ACCOUNT_SUMS = (
    Column("client", "client"),
    Column("account", "account"),
    Column("orders", "orders", Kind.NUMBER),
    Column("cancels", "cancels", Kind.NUMBER),
    Column("value", "value", Kind.AMOUNT),
    Column("charges", "charges", Kind.AMOUNT),
    Column("cash after", "cash_after", Kind.AMOUNT),
    Column("skipped", "skipped", Kind.WORDS),
)
SKIP_REASONS = (
    Column("skipped", "skipped", Kind.NUMBER),
    Column("reason", "reason"),
    Column("for example", "message"),
)
INSTRUCTIONS = (
    Column("instruction", "instruction_id"),
    Column("time", "time", Kind.TIME),
    Column("kind", "kind"),
    Column("asked", "asked"),
    Column("status", "status"),
    Column("waits for", "waits_for"),
    Column("orders", "orders_total", Kind.NUMBER),
    Column("open", "orders_open", Kind.NUMBER),
    Column("filled", "filled", Kind.NUMBER),
    Column("rejected", "rejected", Kind.NUMBER),
    Column("doubt", "in_doubt", Kind.NUMBER),
    Column("skips", "skips_total", Kind.NUMBER),
    Column("follows", "parent"),
    Column("note", "note"),
    Column("reason", "reason"),
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
CLIENTS = (
    Column("id", "id", Kind.NUMBER),
    Column("name", "name"),
    Column("active", "is_active"),
    Column("available", "available_funds", Kind.AMOUNT),
    Column("used", "margin_used", Kind.AMOUNT),
    Column("P&L", "total_pnl", Kind.AMOUNT),
    Column("created", "created_at", Kind.TIME),
)
ACCOUNTS = (
    Column("account", "account"),
    Column("client", "client"),
    Column("broker", "broker"),
    Column("mode", "mode"),
    Column("armed until", "armed_until", Kind.TIME),
    Column("enabled", "enabled"),
    Column("cash", "cash", Kind.AMOUNT),
    Column("holds", "holds", Kind.AMOUNT),
    Column("available", "available", Kind.AMOUNT),
    Column("reserve", "reserve", Kind.AMOUNT),
    Column("open", "open_orders", Kind.NUMBER),
    Column("today", "orders_today", Kind.NUMBER),
    Column("books", "books"),
    Column("closed because", "closed_because", Kind.WORDS),
)
BREAKS = (
    Column("break", "id"),
    Column("filed", "filed_at", Kind.TIME),
    Column("account", "account"),
    Column("what", "kind"),
    Column("subject", "subject"),
    Column("ours", "ours"),
    Column("theirs", "theirs"),
    Column("owner", "owner"),
    Column("deadline", "deadline", Kind.TIME),
    Column("overdue", "overdue"),
    Column("note", "note", Kind.WORDS),
    Column("reason", "reason", Kind.WORDS),
)
CLOSED_BREAKS = (
    *BREAKS[:8],
    Column("ended", "ended"),
    Column("at", "ended_at", Kind.TIME),
    Column("by", "closed_by"),
    Column("how", "closing_note", Kind.WORDS),
    BREAKS[-1],
)
CHANGES = (
    Column("change", "change"),
    Column("asked", "asked_at", Kind.TIME),
    Column("by", "asked_by"),
    Column("until", "expires_at", Kind.TIME),
    Column("of", "kind"),
    Column("what", "details", Kind.WORDS),
)
DECIDED_CHANGES = (
    *CHANGES[:3],
    Column("status", "status"),
    Column("at", "decided_at", Kind.TIME),
    Column("by", "decided_by"),
    *CHANGES[4:],
    Column("note", "note", Kind.WORDS),
    Column("refusal", "refusal"),
)
LIMITS = (
    Column("level", "level"),
    Column("name", "name"),
    Column("quantity", "quantity_max", Kind.AMOUNT),
    Column("value", "value_max", Kind.AMOUNT),
    Column("position", "position_max", Kind.AMOUNT),
    Column("orders a day", "orders_per_day_max", Kind.NUMBER),
    Column("restricted", "restricted", Kind.WORDS),
)
TRADES = (
    Column("trade", "trade_id"),
    Column("client", "client_name"),
    Column("instrument", "symbol"),
    Column("product", "trade_type"),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("average", "avg_price", Kind.AMOUNT),
    Column("last", "current_price", Kind.AMOUNT),
    Column("realized", "realized_pnl", Kind.AMOUNT),
    Column("unrealized", "unrealized_pnl", Kind.AMOUNT),
    Column("status", "status"),
    Column("entered", "entry_time", Kind.TIME),
    Column("left", "exit_time", Kind.TIME),
)
ORDER_LOG = (
    Column("seq", "seq", Kind.NUMBER),
    Column("time", "time", Kind.TIME),
    Column("entry", "entry"),
    Column("order", "order_id"),
    Column("account", "account"),
    Column("side", "side"),
    Column("instrument", "symbol"),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("price", "price", Kind.AMOUNT),
    Column("status", "status"),
    Column("strategy", "strategy"),
    Column("text", "text"),
)
REQUESTS = (
    Column("order", "order_id"),
    Column("request", "request_id"),
    Column("status", "status"),
)
VERDICTS = (
    Column("order", "order_id"),
    Column("verdict", "verdict"),
    Column("at the broker", "broker_order_id"),
    Column("request", "request_id"),
    Column("note", "note", Kind.WORDS),
)
FILLS = (
    Column("time", "time", Kind.TIME),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("price", "price", Kind.AMOUNT),
    Column("charges", "charges", Kind.AMOUNT),
    Column("execution", "exec_id"),
)
FILL_REQUESTS = (
    Column("order", "order_id"),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("price", "price", Kind.AMOUNT),
    Column("execution", "exec_id"),
)
AUDIT = (
    Column("seq", "seq", Kind.NUMBER),
    Column("time", "time", Kind.TIME),
    Column("actor", "actor"),
    Column("from", "address"),
    Column("act", "act"),
    Column("subject", "subject"),
    Column("times", "count", Kind.NUMBER),
    Column("detail", "detail", Kind.WORDS),
)
SESSIONS = (
    Column("session", "session"),
    Column("user", "user"),
    Column("since", "created_at", Kind.TIME),
    Column("refreshed", "refreshed_at", Kind.TIME),
    Column("until", "expires_at", Kind.TIME),
    Column("from", "address"),
    Column("with", "agent"),
    Column("this one", "current"),
)
USERS = (
    Column("name", "name"),
    Column("role", "role"),
    Column("clients", "clients", Kind.WORDS),
    Column("may trade", "may_trade"),
    Column("enabled", "enabled"),
    Column("second factor", "second_factor"),
    Column("must change", "must_change"),
    Column("created", "created_at", Kind.TIME),
)
KEYS = (
    Column("key", "id"),
    Column("name", "name"),
    Column("scopes", "scopes", Kind.WORDS),
    Column("fence", "fence", Kind.WORDS),
    Column("by", "created_by"),
    Column("expires", "expires_at", Kind.TIME),
    Column("revoked", "revoked_at", Kind.TIME),
    Column("last used", "last_used_at", Kind.TIME),
)
