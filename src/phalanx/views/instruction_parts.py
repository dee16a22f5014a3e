"""Instructions as somebody sees them who sees a part of the book only: those that came to something for
that part, or are their own, with what they came to there and nothing of anybody else.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from phalanx.domain.instructions import InstructionStatus
from phalanx.domain.orders import OrdStatus
from phalanx.views import selects
from phalanx.views.filters import Filter, Slice, Statement
from phalanx.views.rows import InstructionRow, InstructionTree
from phalanx.views.schema import KEY_BITS
from phalanx.views.within import Value, Within

_OWN: Final = (
    InstructionStatus.HELD,
    InstructionStatus.EXPIRED,
    InstructionStatus.CANCELED,
    InstructionStatus.REJECTED,
)
"""How an instruction stands that has neither an order nor a cancel: its maker sees it all the same."""
_ENDS: Final = (
    OrdStatus.FILLED,
    OrdStatus.CANCELED,
    OrdStatus.REJECTED,
    OrdStatus.EXPIRED,
    OrdStatus.NOT_RECEIVED,
    OrdStatus.IN_DOUBT,
)
_COUNTED: Final = ", ".join(
    f"coalesce(sum({condition}), 0)"
    for condition in ("o.is_open = 1", *(f"o.status = {int(one)}" for one in _ENDS))
)


class Counts(msgspec.Struct, frozen=True, array_like=True):
    """What a part of an instruction's orders comes to; ``ended_at_ns`` is the last one's."""

    orders: int
    ended_at_ns: int
    open_orders: int
    filled: int
    canceled: int
    rejected: int
    expired: int
    not_received: int
    in_doubt: int


class PartRow(msgspec.Struct, frozen=True, array_like=True):
    """An instruction as everybody's, and what is to be told of it."""

    instruction: InstructionRow
    counts: Counts
    skips: int
    cancels: int

    def row(self) -> InstructionRow:
        """The instruction as it is told."""
        return _told(self.instruction, self.counts, self.skips, self.cancels)


def part_page(within: Within, filters: Sequence[Filter], part: Slice) -> Statement:
    """One row: as of which seq, how many there are, and a JSON array of `PartRow`, newest first."""
    seen, seen_values = _seen(within)
    conditions = " AND ".join(["TRUE", *(f"t.{one.condition}" for one in filters)])
    values = [value for one in filters for value in one.values]
    found = f"FROM ({seen}) AS m CROSS JOIN instructions AS t ON t.key = m.key WHERE {conditions}"
    columns, column_values = _columns(within)
    statement = (
        f"SELECT (SELECT seq FROM cursor), (SELECT count(*) {found}),"  # noqa: S608  names of ours
        f" (SELECT json_group_array({columns} ORDER BY t.key DESC)"
        f" FROM (SELECT t.key AS key {found} ORDER BY t.key DESC LIMIT ? OFFSET ?) AS k"
        " CROSS JOIN instructions AS t ON t.key = k.key)"
    )
    once = (*seen_values, *values)
    return statement, (*once, *column_values, *once, part.limit, part.skip)


def part_tree(within: Within, instruction: str) -> Statement:
    """The row of an `InstructionTree`, with only what is seen of it."""
    orders, order_values = within.of_orders("o")
    skips, skip_values = _skips(within)
    statement = (
        f"SELECT (SELECT seq FROM cursor), 0, {selects.INSTRUCTION},"  # noqa: S608  names of ours
        f" {selects.orders_of_instruction(orders)}, {selects.skips_of_instruction(skips)},"
        f" {selects.cancels_of_instruction(orders)}"
        " FROM instructions AS t WHERE t.id = ?"
    )
    return statement, (*order_values, *skip_values, *order_values, instruction)


def part_of(tree: InstructionTree, actor: str) -> InstructionTree | None:
    """The tree as it is told to ``actor``; None where there is nothing in it for them."""
    orders = [one.order for one in tree.orders]
    is_own = tree.instruction.actor == actor
    if not (orders or tree.skips or tree.cancels or is_own):
        return None
    ends = [sum(one.status is end for one in orders) for end in _ENDS]
    counts = Counts(
        len(orders),
        max((one.ended_at_ns for one in orders), default=0),
        sum(one.ended_at_ns == 0 for one in orders),
        *ends,
    )
    row = _told(tree.instruction, counts, len(tree.skips), len(tree.cancels))
    tat_ns = max((one.hops.tat_ns for one in orders), default=0)
    return msgspec.structs.replace(tree, instruction=row, tat_ns=tat_ns)


def _told(row: InstructionRow, counts: Counts, skips: int, cancels: int) -> InstructionRow:
    """It is over when what is seen of it is."""
    status, ended_at_ns = row.status, row.ended_at_ns
    if counts.orders and status in {InstructionStatus.WORKING, InstructionStatus.DONE}:
        is_open = bool(counts.open_orders)
        status = InstructionStatus.WORKING if is_open else InstructionStatus.DONE
        ended_at_ns = 0 if is_open else counts.ended_at_ns
    return msgspec.structs.replace(
        row,
        status=status,
        ended_at_ns=ended_at_ns,
        orders=counts.orders,
        open_orders=counts.open_orders,
        skips=skips,
        cancels=cancels,
        filled=counts.filled,
        canceled=counts.canceled,
        rejected=counts.rejected,
        expired=counts.expired,
        not_received=counts.not_received,
        in_doubt=counts.in_doubt,
    )


def _seen(within: Within) -> Statement:
    """The keys of all that are seen: by an order, a cancel, a skip, or as one's own."""
    orders, order_values = within.of_orders("o")
    skips, skip_values = within.of_skips("s")
    signals, signal_values = within.of_signals("n")
    index = "INDEXED BY orders_account" if within.accounts is not None else ""
    statuses = ", ".join(str(int(one)) for one in _OWN)
    skipped = f"SELECT s.key >> {KEY_BITS} FROM skips AS s WHERE {skips}"  # noqa: S608
    statement = (
        f"SELECT o.instruction_key AS key FROM orders AS o {index} WHERE {orders}"  # noqa: S608
        f" UNION SELECT q.instruction_key FROM orders AS o {index} CROSS JOIN requests AS q"
        f" INDEXED BY requests_order ON q.order_key = o.key WHERE {orders}"
        " AND q.instruction_key IS NOT NULL"
        f" UNION SELECT n.key FROM instructions AS n WHERE n.key IN ({skipped})"
        f" AND n.plan_seq = n.key AND {signals}"
        " UNION SELECT n.key FROM instructions AS n INDEXED BY instructions_held"
        f" WHERE n.fire_at_ns > 0 AND n.plan_seq IN ({skipped}) AND {signals}"
        " UNION SELECT n.key FROM instructions AS n INDEXED BY instructions_status"
        f" WHERE n.status IN ({statuses}) AND n.actor = ?"
    )
    of_skips = (*skip_values, *signal_values)
    values = (*order_values, *order_values, *of_skips, *of_skips, within.actor)
    return statement, values


def _columns(within: Within) -> Statement:
    """A `PartRow` of the instruction ``t``."""
    orders, order_values = within.of_orders("o")
    skips, skip_values = _skips(within)
    counts = (
        f"json((SELECT json_array(count(*), coalesce(max(o.ended_at_ns), 0), {_COUNTED})"  # noqa: S608
        " FROM orders AS o INDEXED BY orders_instruction"
        f" WHERE o.instruction_key = t.key AND {orders}))"
    )
    skipped = f"(SELECT count(*) FROM skips AS s WHERE {selects.OF_PLAN} AND {skips})"  # noqa: S608
    canceled = (
        "(SELECT count(*) FROM requests AS q INDEXED BY requests_instruction"  # noqa: S608
        " CROSS JOIN orders AS o ON o.key = q.order_key"
        f" WHERE q.instruction_key = t.key AND {orders})"
    )
    values: list[Value] = [*order_values, *skip_values, *order_values]
    return f"json_array({selects.INSTRUCTION}, {counts}, {skipped}, {canceled})", tuple(values)


def _skips(within: Within) -> Statement:
    """The condition on the skips of the instruction ``t``."""
    skips, skip_values = within.of_skips("s")
    signals, signal_values = within.of_signals("t")
    return f"{skips} AND {signals}", (*skip_values, *signal_values)
