"""The rows of each list as one JSON array in SQL, in the order of the fields in ``rows``.

A page is one row with one text: SQLite makes it without the interpreter's lock, and one decode turns
it into typed rows. Row by row, a page would beg for the lock a hundred times beside a busy loop.
"""

from typing import Final

from phalanx.domain.orders import Side
from phalanx.views.rows import TradeOrigin, TradeStatus
from phalanx.views.schema import KEY_BITS

_CLIENT_NAME: Final = "coalesce(c.name, '')"
_SYMBOL: Final = "coalesce(i.symbol, '')"

_TAT: Final = (
    "iif(o.sent_ns > 0 AND o.received_ns > 0,"
    " o.sent_ns - o.received_ns - o.held_ns - o.waited_ns, 0)"
)


def _instant(column: str) -> str:
    """Wall time as a monotonic instant: by the acknowledgement, of which both are known, or where there
    is none by the request, which was planned at once.
    """
    return (
        f"CASE WHEN o.{column} = 0 THEN 0"
        f" WHEN o.acknowledged_ns > 0 THEN o.acknowledged_ns + o.{column} - o.acknowledged_at_ns"
        f" WHEN o.received_ns > 0 THEN o.received_ns + o.{column} - o.placed_at_ns ELSE 0 END"
    )


_HOPS: Final = (
    "json_array(o.received_ns, o.planned_ns, o.held_ns, o.committed_ns, o.waited_ns, o.sent_ns,"
    f" o.acknowledged_ns, {_instant('first_fill_at_ns')}, {_instant('ended_at_ns')}, {_TAT})"
)

ORDER: Final = (
    f"json_array(o.key >> {KEY_BITS}, o.cl_ord_id, n.id, o.account, o.mode, o.client_id,"
    f" {_CLIENT_NAME}, o.instrument, {_SYMBOL}, o.side, o.product, o.ord_type, o.time_in_force,"
    " o.order_quantity, o.quantity, o.limit_price, o.stop_price, o.hold, o.strategy,"
    " json(o.closes), json(iif(o.reduce_only, 'true', 'false')), o.status, o.cum_quantity,"
    " o.filled_value, o.charges, o.order_id, o.flag, o.reason_code, o.reason_text, o.text,"
    " coalesce(r.id, ''), o.placed_at_ns, o.first_fill_at_ns, o.ended_at_ns, o.updated_at_ns,"
    f" {_HOPS}, o.row)"
)
ORDER_JOINS: Final = (
    " LEFT JOIN clients AS c ON c.id = o.client_id"
    " LEFT JOIN instruments AS i ON i.key = o.instrument"
    " LEFT JOIN instructions AS n ON n.key = o.instruction_key"
    " LEFT JOIN requests AS r ON r.key = o.request_key"
)
FILL: Final = (
    "json_array(f.key, o.cl_ord_id, f.exec_id, f.quantity, f.price, f.charges, f.time_ns,"
    " f.booked_at_ns)"
)
REQUEST: Final = (
    f"json_array(q.key >> {KEY_BITS}, q.id, o.cl_ord_id, coalesce(p.id, ''), q.kind, q.status,"
    " q.actor, q.door, q.quantity, q.limit_price, q.requested_at_ns, q.dispatched_at_ns,"
    " q.ended_at_ns, q.reason_code, q.reason_text)"
)
INSTRUCTION: Final = (
    "json_array(t.key, t.id, t.kind, t.status, t.actor, t.door, t.request_id, t.note,"
    " json(t.request), t.refusal_code, t.refusal_text, t.planned_at_ns, t.expires_at_ns,"
    " t.ended_at_ns, t.received_ns, t.orders, t.open_orders, t.skips, t.cancels, t.filled,"
    " t.canceled, t.rejected, t.expired, t.not_received, t.in_doubt, t.parent, t.follow_up,"
    " t.fire_at_ns, t.undo_until_ns, json((SELECT json_array(v.asked_at_ns, v.approve_by_ns,"
    " v.reason_code, v.reason_text, v.ended_at_ns, v.decision, v.actor, v.door, v.note)"
    " FROM approvals AS v WHERE v.key = t.key)))"
)
TRADE: Final = (
    f"json_array(t.key >> {KEY_BITS}, t.id, t.account, t.mode, t.client_id, {_CLIENT_NAME},"
    f" t.instrument, {_SYMBOL}, t.product, t.strategy,"
    f" iif(t.ended_at_ns, {int(TradeStatus.CLOSED)}, {int(TradeStatus.ACTIVE)}), t.bought, 0,"
    " t.opened_at_ns, t.ended_at_ns, t.bought, t.cost, t.charges, t.sold, t.sold_cost, t.proceeds,"
    " json(iif(t.cost_known, 'true', 'false')), t.origin)"
)
TRADE_JOINS: Final = (
    " LEFT JOIN clients AS c ON c.id = t.client_id"
    " LEFT JOIN instruments AS i ON i.key = t.instrument"
)
_OPEN_SLICES: Final = "FROM orders AS s WHERE s.lot <> '' AND s.lot = o.lot AND s.is_open = 1"


def _coming(column: str) -> str:
    """What an order that bought nothing has of it while it is open, with its slices all of them."""
    slices = f"(SELECT coalesce(sum(s.{column}), 0) {_OPEN_SLICES})"
    return f"iif(o.lot = '', iif(o.is_open, o.{column}, 0), {slices})"


_ORDERED: Final = _coming("quantity")
UNFILLED_TRADE: Final = (
    f"json_array(o.key >> {KEY_BITS}, iif(o.lot = '', o.cl_ord_id, o.lot), o.account, o.mode,"
    f" o.client_id, {_CLIENT_NAME}, o.instrument, {_SYMBOL}, o.product, o.strategy,"
    f" iif({_ORDERED}, {int(TradeStatus.PENDING)}, {int(TradeStatus.CLOSED)}), {_ORDERED},"
    f" {_coming('hold')}, o.placed_at_ns, iif({_ORDERED}, 0, o.ended_at_ns), 0, 0, 0, 0, 0, 0,"
    f" json('true'), {int(TradeOrigin.ORDER)})"
)
IS_UNFILLED: Final = (
    f"o.side = {int(Side.BUY)} AND o.reduce_only = 0 AND o.cum_quantity = 0 AND o.is_open = 1"  # noqa: S608
    " AND (o.lot = '' OR NOT EXISTS (SELECT 1 FROM trades AS b WHERE b.id = o.lot)"
    f" AND NOT EXISTS (SELECT 1 {_OPEN_SLICES} AND s.key < o.key))"
)
"""An order that is a trade of which nothing is bought yet: no row of ``trades`` tells of it. Of slices
the first that is open stands for all.
"""
ONE_TRADE: Final = (
    f"SELECT coalesce((SELECT {TRADE} FROM trades AS t {TRADE_JOINS} WHERE t.id = ?1),"  # noqa: S608
    f" (SELECT {UNFILLED_TRADE} FROM orders AS o LEFT JOIN clients AS c ON c.id = o.client_id"
    " LEFT JOIN instruments AS i ON i.key = o.instrument WHERE o.cl_ord_id = ?1"
    f" AND o.lot IN ('', ?1) AND o.side = {int(Side.BUY)} AND o.reduce_only = 0 AND o.cum_quantity = 0))"
)
_MODE_OF_CLIENT: Final = (
    "(SELECT b.mode FROM accounts AS b WHERE b.client_id = c.id AND b.is_primary)"
)
_HELD_OF_CLIENT: Final = (
    "json((SELECT json_group_array(json_array(h.instrument, h.quantity, h.cost)) FROM"  # noqa: S608
    " (SELECT t.instrument, sum(t.bought - t.sold) AS quantity, sum(t.cost - t.sold_cost) AS cost"
    " FROM accounts AS a CROSS JOIN trades AS t INDEXED BY trades_active"
    " ON t.ended_at_ns = 0 AND t.account = a.id AND t.mode = a.mode"
    f" WHERE a.client_id = c.id AND a.mode = {_MODE_OF_CLIENT} AND t.cost_known"
    " GROUP BY t.instrument) AS h))"
)
CLIENT_SUMS: Final = (
    "SELECT json_group_array(json_array(c.id, max(c.updated_at_ns,"  # noqa: S608  names of ours
    " coalesce((SELECT max(a.updated_at_ns) FROM accounts AS a WHERE a.client_id = c.id), 0)),"
    " coalesce((SELECT sum(p.realized) FROM accounts AS a"
    " CROSS JOIN profits AS p ON p.account = a.id AND p.mode = a.mode"
    f" WHERE a.client_id = c.id AND a.mode = {_MODE_OF_CLIENT}), 0), {_HELD_OF_CLIENT}))"
    " FROM clients AS c WHERE c.id BETWEEN ? AND ?"
)
LOG: Final = (
    f"json_array(o.key >> {KEY_BITS}, o.time_ns, o.entry, o.cl_ord_id, o.account, o.client_id,"
    f" {_CLIENT_NAME}, o.strategy, o.instrument, {_SYMBOL}, o.side, o.quantity, o.price,"
    " o.status, o.text)"
)
LOG_JOINS: Final = (
    " LEFT JOIN clients AS c ON c.id = o.client_id"
    " LEFT JOIN instruments AS i ON i.key = o.instrument"
)
KILL: Final = (
    "json_array(o.key, o.time_ns, json(iif(o.lifted, 'true', 'false')), o.level, o.name, o.actor,"
    " o.door, o.request_id, o.note)"
)
AUDIT: Final = (
    "json_array(o.key, o.time_ns, o.actor, o.address, o.door, o.act, o.subject, o.detail,"
    " o.request_id, o.count, o.first_ns)"
)

BREAK: Final = (
    f"json_array(b.key >> {KEY_BITS}, b.id, b.account, b.client_id, {_CLIENT_NAME}, b.kind,"
    " b.subject, b.ours, b.theirs, b.reason, b.filed_at_ns, b.deadline_ns, b.owner, b.note,"
    " nullif(b.ending, ''), b.closed_by, b.closing_note, b.ended_at_ns, b.updated_at_ns)"
)
BREAK_JOINS: Final = " LEFT JOIN clients AS c ON c.id = b.client_id"

_FILLS_OF_ORDER: Final = (
    f"json((SELECT json_group_array({FILL} ORDER BY f.key)"  # noqa: S608  only constants of ours
    " FROM fills AS f INDEXED BY fills_order WHERE f.order_key = o.key))"
)
_REQUESTS_OF_ORDER: Final = (
    f"json((SELECT json_group_array({REQUEST} ORDER BY q.key)"  # noqa: S608  only constants of ours
    " FROM requests AS q INDEXED BY requests_order"
    " LEFT JOIN instructions AS p ON p.key = q.instruction_key WHERE q.order_key = o.key))"
)
OF_PLAN: Final = f"s.key BETWEEN t.plan_seq << {KEY_BITS} AND (t.plan_seq + 1 << {KEY_BITS}) - 1"
"""The skips of the instruction ``t``."""


def orders_of_instruction(condition: str = "TRUE") -> str:
    """Those orders ``o`` of the instruction ``t``, each with its fills and requests."""
    return (
        "(SELECT json_group_array("  # noqa: S608  only constants of ours
        f"json_array({ORDER}, {_FILLS_OF_ORDER}, {_REQUESTS_OF_ORDER}) ORDER BY o.key)"
        f" FROM orders AS o INDEXED BY orders_instruction {ORDER_JOINS}"
        f" WHERE o.instruction_key = t.key AND {condition})"
    )


def skips_of_instruction(condition: str = "TRUE") -> str:
    """Those skips ``s`` of the instruction ``t``."""
    return (
        "(SELECT json_group_array(json_array("  # noqa: S608  only constants of ours
        f"s.account, s.client_id, {_CLIENT_NAME}, s.reason_code, s.reason_text, s.instrument,"
        f" {_SYMBOL}, s.row) ORDER BY s.key)"
        " FROM skips AS s LEFT JOIN clients AS c ON c.id = s.client_id"
        " LEFT JOIN instruments AS i ON i.key = s.instrument"
        f" WHERE {OF_PLAN} AND {condition})"
    )


def cancels_of_instruction(condition: str = "TRUE") -> str:
    """The cancels that the instruction ``t`` asked for, of those orders ``o``."""
    return (
        f"(SELECT json_group_array({REQUEST} ORDER BY q.key)"  # noqa: S608  only constants of ours
        " FROM requests AS q INDEXED BY requests_instruction"
        " LEFT JOIN orders AS o ON o.key = q.order_key"
        " LEFT JOIN instructions AS p ON p.key = q.instruction_key"
        f" WHERE q.instruction_key = t.key AND {condition})"
    )


TAT_OF_INSTRUCTION: Final = (
    f"(SELECT coalesce(max({_TAT}), 0)"  # noqa: S608  only constants of ours
    " FROM orders AS o INDEXED BY orders_instruction WHERE o.instruction_key = t.key)"
)
INSTRUCTION_TREE: Final = (
    f"SELECT (SELECT seq FROM cursor), {TAT_OF_INSTRUCTION}, {INSTRUCTION},"  # noqa: S608
    f" {orders_of_instruction()}, {skips_of_instruction()}, {cancels_of_instruction()}"
    " FROM instructions AS t WHERE t.id = ?"
)
FILLS: Final = (
    f"SELECT json_group_array({FILL} ORDER BY f.key)"  # noqa: S608  only constants of ours
    " FROM orders AS o CROSS JOIN fills AS f INDEXED BY fills_order ON f.order_key = o.key"
    " WHERE o.cl_ord_id = ?"
)
ONE_ORDER: Final = f"SELECT {ORDER} FROM orders AS o {ORDER_JOINS} WHERE o.cl_ord_id = ?"  # noqa: S608
TAT: Final = f"SELECT {TAT_OF_INSTRUCTION} FROM instructions AS t WHERE t.id = ?"  # noqa: S608
