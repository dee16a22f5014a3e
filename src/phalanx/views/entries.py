"""Rows that change: one struct per table, its fields the table's columns in their order.

The projector keeps the rows of what is open in memory, changes them there and writes back what
changed. ``msgspec.structs.astuple`` of an entry is its row, and ``Entry(*row)`` the entry of a row.
Enums are kept as the plain numbers that SQLite gives back.
"""

import msgspec

from phalanx.domain.pnl import TradePnl


class Entry(msgspec.Struct, gc=False):
    """What every row that changes begins with; ``ended_at_ns`` is zero while anything is to come."""

    key: int
    ended_at_ns: int


class InstructionEntry(Entry, gc=False):
    """One row of ``instructions``. ``watched``: canceled orders of others whose end it waits for.

    ``plan_seq``: the event that planned it, which is not its first one when it was held.
    """

    id: str
    kind: str
    actor: str
    door: str
    request_id: str
    note: str
    request: str
    parent: str
    follow_up: str
    fire_at_ns: int = 0
    plan_seq: int = 0
    refusal_code: str = ""
    refusal_text: str = ""
    planned_at_ns: int = 0
    expires_at_ns: int = 0
    received_ns: int = 0
    skips: int = 0
    cancels: int = 0
    status: int = 0
    orders: int = 0
    open_orders: int = 0
    watched: int = 0
    filled: int = 0
    canceled: int = 0
    rejected: int = 0
    expired: int = 0
    not_received: int = 0
    in_doubt: int = 0
    undo_until_ns: int = 0


class ApprovalEntry(Entry, gc=False):
    """One row of ``approvals``: from when another person was needed until somebody or the clock ended it."""

    asked_at_ns: int
    approve_by_ns: int
    reason_code: str
    reason_text: str
    decision: str = ""
    actor: str = ""
    door: str = ""
    note: str = ""


class OrderEntry(Entry, gc=False):
    """One row of ``orders``.

    ``request_key``: the request under way; ``over_key``: the replace in flight that a cancel came
    over. ``closed_by``: the instruction that cancels this buy because it closes its lot. ``lot``: of a
    buy's slices the first one, whose trade they all are; empty for a buy that is one order.
    """

    cl_ord_id: str
    instruction_key: int
    account: str
    mode: int
    client_id: int
    instrument: str
    side: int
    product: int
    ord_type: int
    time_in_force: int
    order_quantity: int
    stop_price: int
    hold: int
    strategy: str | None
    closes: str
    reduce_only: int
    row: int
    placed_at_ns: int
    quantity: int
    limit_price: int
    status: int
    is_open: int = 1
    cum_quantity: int = 0
    filled_value: int = 0
    charges: int = 0
    order_id: str = ""
    flag: str = ""
    reason_code: str = ""
    reason_text: str = ""
    text: str = ""
    request_key: int | None = None
    over_key: int | None = None
    closed_by: int | None = None
    received_ns: int = 0
    planned_ns: int = 0
    held_ns: int = 0
    committed_ns: int = 0
    waited_ns: int = 0
    sent_ns: int = 0
    acknowledged_ns: int = 0
    acknowledged_at_ns: int = 0
    first_fill_at_ns: int = 0
    updated_at_ns: int = 0
    lot: str = ""


class RequestEntry(Entry, gc=False):
    """One row of ``requests``: a cancel or replace of one order."""

    id: str
    order_key: int
    instruction_key: int | None
    kind: int
    actor: str
    door: str
    quantity: int
    limit_price: int
    requested_at_ns: int
    status: int
    dispatched_at_ns: int = 0
    reason_code: str = ""
    reason_text: str = ""


class BreakEntry(Entry, gc=False):
    """One row of ``breaks``: a difference from when it was filed until somebody or a reading ended it."""

    id: str
    account: str
    client_id: int
    kind: str
    subject: str
    filed_at_ns: int
    ours: str = ""
    theirs: str = ""
    reason: str = ""
    deadline_ns: int = 0
    owner: str = ""
    note: str = ""
    ending: str = ""
    closed_by: str = ""
    closing_note: str = ""
    updated_at_ns: int = 0


class ChangeEntry(Entry, gc=False):
    """One row of ``changes``: what waits for another person, until it was decided or its time was over.

    ``details`` is a JSON array of sentences.
    """

    id: str
    kind: str
    actor: str
    door: str
    request_id: str
    details: str
    asked_at_ns: int
    expires_at_ns: int
    status: str = "WAITING"
    decided_by: str = ""
    decision_note: str = ""
    refusal: str = ""
    refusal_text: str = ""


class TradeEntry(Entry, gc=False):
    """One row of ``trades``: a buy that filled, under the key of its (first) order, or a lot that came in
    otherwise (``origin``).

    ``ended_at_ns``: when the last of it was sold; a later fill of the buy opens it again.
    """

    id: str
    account: str
    mode: int
    client_id: int
    instrument: str
    product: int
    strategy: str | None
    cost_known: int
    origin: int
    opened_at_ns: int
    bought: int = 0
    cost: int = 0
    charges: int = 0
    sold: int = 0
    sold_cost: int = 0
    proceeds: int = 0

    @property
    def pnl(self) -> TradePnl:
        """What it came to so far."""
        amounts = (self.bought, self.cost, self.charges, self.sold, self.sold_cost, self.proceeds)
        return TradePnl(*amounts, bool(self.cost_known))

    @pnl.setter
    def pnl(self, pnl: TradePnl) -> None:
        self.bought = pnl.bought
        self.cost = pnl.cost
        self.charges = pnl.charges
        self.sold = pnl.sold
        self.sold_cost = pnl.sold_cost
        self.proceeds = pnl.proceeds
