"""Why something was not done: one enum of stable codes, each with its sentence.

``docs/reason-codes.md`` is generated from this file. A fact that is an ``int`` is a Fixed and is
shown as a decimal; a fact that is a ``str`` is shown as it is.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from phalanx.domain.numbers import format_fixed

Facts: TypeAlias = tuple[int | str, ...]


class ReasonCode(StrEnum):
    """A stable code. The order is the order of the risk checks, plan reasons first."""

    UNKNOWN_STRATEGY = "UNKNOWN_STRATEGY"
    STRATEGY_DISABLED = "STRATEGY_DISABLED"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    ACCOUNT_NOT_CLIENTS = "ACCOUNT_NOT_CLIENTS"
    UNKNOWN_CLIENT = "UNKNOWN_CLIENT"
    UNKNOWN_GROUP = "UNKNOWN_GROUP"
    UNKNOWN_LIST = "UNKNOWN_LIST"
    UNKNOWN_TRADE = "UNKNOWN_TRADE"
    NOBODY_CHOSEN = "NOBODY_CHOSEN"
    NOT_CHOSEN = "NOT_CHOSEN"
    OTHER_MODE = "OTHER_MODE"
    NO_SUBSCRIBERS = "NO_SUBSCRIBERS"
    NOT_SUBSCRIBED = "NOT_SUBSCRIBED"
    NOTHING_VALID = "NOTHING_VALID"
    NOT_IN_SUBSCRIPTION = "NOT_IN_SUBSCRIPTION"
    SUBSCRIPTION_DISABLED = "SUBSCRIPTION_DISABLED"
    SELL_SCOPE_NOT_CHOSEN = "SELL_SCOPE_NOT_CHOSEN"
    LOT_ALREADY_OPEN = "LOT_ALREADY_OPEN"
    BUY_STILL_WORKING = "BUY_STILL_WORKING"
    NO_OPEN_LOT = "NO_OPEN_LOT"
    PRODUCT_CONFLICT = "PRODUCT_CONFLICT"
    ZERO_QUANTITY = "ZERO_QUANTITY"
    ALREADY_HELD = "ALREADY_HELD"
    NOT_WANTED = "NOT_WANTED"
    TWICE_IN_LIST = "TWICE_IN_LIST"
    BELOW_MIN_VALUE = "BELOW_MIN_VALUE"
    RANK_NOT_COVERED = "RANK_NOT_COVERED"
    NOTHING_TO_EXIT = "NOTHING_TO_EXIT"
    NOT_IN_QUANTITIES = "NOT_IN_QUANTITIES"
    ALREADY_EXITING = "ALREADY_EXITING"
    BOUND_REACHED = "BOUND_REACHED"
    ALREADY_CANCELING = "ALREADY_CANCELING"
    NOTHING_OPEN = "NOTHING_OPEN"
    NOTHING_TO_CANCEL = "NOTHING_TO_CANCEL"
    NOT_RETRYABLE = "NOT_RETRYABLE"
    ALREADY_FOLLOWED = "ALREADY_FOLLOWED"
    ORDER_TOO_OLD = "ORDER_TOO_OLD"
    STILL_WORKING = "STILL_WORKING"
    MOVED = "MOVED"

    ACCOUNT_DISABLED = "ACCOUNT_DISABLED"
    ACCOUNT_NOT_RECONCILED = "ACCOUNT_NOT_RECONCILED"
    LIVE_NOT_AVAILABLE = "LIVE_NOT_AVAILABLE"
    NOT_ARMED = "NOT_ARMED"
    KILL_ALL = "KILL_ALL"
    KILL_BROKER = "KILL_BROKER"
    KILL_STRATEGY = "KILL_STRATEGY"
    KILL_CLIENT = "KILL_CLIENT"
    KILL_ACCOUNT = "KILL_ACCOUNT"
    KILL_DIRECT = "KILL_DIRECT"
    INSTRUMENT_NOT_TRADABLE = "INSTRUMENT_NOT_TRADABLE"
    INSTRUMENT_PAPER_ONLY = "INSTRUMENT_PAPER_ONLY"
    ORDER_TYPE_NOT_SUPPORTED = "ORDER_TYPE_NOT_SUPPORTED"
    SESSION_CLOSED = "SESSION_CLOSED"
    NOT_IN_PHASE = "NOT_IN_PHASE"
    PAST_SQUARE_OFF = "PAST_SQUARE_OFF"
    BAN_PERIOD = "BAN_PERIOD"
    TRADE_TO_TRADE = "TRADE_TO_TRADE"
    LOT_MULTIPLE = "LOT_MULTIPLE"
    OFF_TICK = "OFF_TICK"
    NO_PRICE = "NO_PRICE"
    SYNTHETIC_PRICE = "SYNTHETIC_PRICE"
    STALE_PRICE = "STALE_PRICE"
    OUTSIDE_BAND = "OUTSIDE_BAND"
    FAR_FROM_LAST = "FAR_FROM_LAST"
    STOP_NOT_BEYOND_LAST = "STOP_NOT_BEYOND_LAST"
    STOP_BEYOND_LIMIT = "STOP_BEYOND_LIMIT"
    QUANTITY_CAP = "QUANTITY_CAP"
    VALUE_CAP = "VALUE_CAP"
    ORDER_IN_DOUBT = "ORDER_IN_DOUBT"
    RESTRICTED = "RESTRICTED"
    NOT_SELLABLE = "NOT_SELLABLE"
    NOT_SHORT = "NOT_SHORT"
    POSITION_CAP = "POSITION_CAP"
    INSUFFICIENT_CASH = "INSUFFICIENT_CASH"
    TOO_MANY_OPEN_ORDERS = "TOO_MANY_OPEN_ORDERS"
    TOO_MANY_ORDERS_TODAY = "TOO_MANY_ORDERS_TODAY"
    DUPLICATE_ORDER = "DUPLICATE_ORDER"

    INSTRUCTION_EXPIRED = "INSTRUCTION_EXPIRED"
    HELD_CANCELED = "HELD_CANCELED"
    ABOVE_APPROVAL = "ABOVE_APPROVAL"
    ASKED_FOR_APPROVAL = "ASKED_FOR_APPROVAL"
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED"
    DECLINED = "DECLINED"
    UNDONE = "UNDONE"
    NOT_PLANNABLE = "NOT_PLANNABLE"
    UNFILLED = "UNFILLED"
    NOT_FILLED_BY_HAND = "NOT_FILLED_BY_HAND"
    NEVER_SENT = "NEVER_SENT"
    STALE_EPOCH = "STALE_EPOCH"
    DESK_STOPPING = "DESK_STOPPING"
    SEND_DEADLINE = "SEND_DEADLINE"
    RATE_LIMITED = "RATE_LIMITED"
    NO_ALGO_ID = "NO_ALGO_ID"
    EGRESS_NOT_REGISTERED = "EGRESS_NOT_REGISTERED"
    BROKER_REJECTED = "BROKER_REJECTED"
    BROKER_UNREACHABLE = "BROKER_UNREACHABLE"
    ABSENT_AT_BROKER = "ABSENT_AT_BROKER"
    CANCELED_BEFORE_SENT = "CANCELED_BEFORE_SENT"
    JUDGED_ABSENT = "JUDGED_ABSENT"
    JUDGED_NOT_GRANTED = "JUDGED_NOT_GRANTED"


SENTENCES: dict[ReasonCode, str] = {
    ReasonCode.UNKNOWN_STRATEGY: "no strategy is named {0}",
    ReasonCode.STRATEGY_DISABLED: "strategy {0} is switched off",
    ReasonCode.UNKNOWN_INSTRUMENT: "no instrument is named {0}",
    ReasonCode.UNKNOWN_ACCOUNT: "no account {0}",
    ReasonCode.ACCOUNT_NOT_CLIENTS: "account {0} is not client {1}'s",
    ReasonCode.UNKNOWN_CLIENT: "no client {0}",
    ReasonCode.UNKNOWN_GROUP: "no group {0}",
    ReasonCode.UNKNOWN_LIST: "no priority list {0}",
    ReasonCode.UNKNOWN_TRADE: "no open trade {0}",
    ReasonCode.NOBODY_CHOSEN: "the instruction applies to no account",
    ReasonCode.NOT_CHOSEN: "account {0} has a quantity and is not among those chosen",
    ReasonCode.OTHER_MODE: "account {0} is in the other mode",
    ReasonCode.NO_SUBSCRIBERS: "no account is subscribed to {0}",
    ReasonCode.NOT_SUBSCRIBED: "the account is not subscribed to {0}",
    ReasonCode.NOTHING_VALID: "not valid for any account",
    ReasonCode.NOT_IN_SUBSCRIPTION: "the subscription to {0} does not trade {1}",
    ReasonCode.SUBSCRIPTION_DISABLED: "the subscription to {0} is switched off",
    ReasonCode.SELL_SCOPE_NOT_CHOSEN: "a live subscription must choose its sell_scope",
    ReasonCode.LOT_ALREADY_OPEN: "{0} already holds an open buy of {1} (order {2})",
    ReasonCode.BUY_STILL_WORKING: "the buy {1} of {0} could not be canceled and still works",
    ReasonCode.NO_OPEN_LOT: "no open buy of {0} to sell",
    ReasonCode.PRODUCT_CONFLICT: "a buy of {0} in another product is still closing (order {1})",
    ReasonCode.ZERO_QUANTITY: "{0} comes to no whole lot of {1} at {2}",
    ReasonCode.ALREADY_HELD: "the client already holds {0}",
    ReasonCode.NOT_WANTED: "{0} comes after the {1} stocks that may be bought",
    ReasonCode.TWICE_IN_LIST: "{0} stands further up in the list already",
    ReasonCode.BELOW_MIN_VALUE: "{0} is below the smallest order value {1}",
    ReasonCode.RANK_NOT_COVERED: "{0} needed for {1}, {2} left",
    ReasonCode.NOTHING_TO_EXIT: "nothing of {0} to exit",
    ReasonCode.NOT_IN_QUANTITIES: "the exit has no quantity for the account",
    ReasonCode.ALREADY_EXITING: "what there is of {0} is being sold already",
    ReasonCode.BOUND_REACHED: "no more of account {0} is to be closed than was asked for",
    ReasonCode.ALREADY_CANCELING: "the cancel of order {0} is under way",
    ReasonCode.NOTHING_OPEN: "nothing of instruction {0} is open",
    ReasonCode.NOTHING_TO_CANCEL: "nothing of {0} works that is to be canceled",
    ReasonCode.NOT_RETRYABLE: "order {0} is {1}, not one that was never taken",
    ReasonCode.ALREADY_FOLLOWED: "order {0} was followed up by {1} already",
    ReasonCode.ORDER_TOO_OLD: "order {0} is not in memory any more",
    ReasonCode.STILL_WORKING: "order {0} still works; cancel the rest of it first",
    ReasonCode.MOVED: "{0} changed since the preview",
    ReasonCode.ACCOUNT_DISABLED: "account {0} is switched off",
    ReasonCode.ACCOUNT_NOT_RECONCILED: "account {0} is not open yet: {1}",
    ReasonCode.LIVE_NOT_AVAILABLE: "account {0} is live and no live broker is connected",
    ReasonCode.NOT_ARMED: "account {0} is live, and nobody has armed it today",
    ReasonCode.KILL_ALL: "new orders are stopped for everybody",
    ReasonCode.KILL_BROKER: "new orders are stopped for broker {0}",
    ReasonCode.KILL_STRATEGY: "new orders are stopped for strategy {0}",
    ReasonCode.KILL_CLIENT: "new orders are stopped for client {0}",
    ReasonCode.KILL_ACCOUNT: "new orders are stopped for account {0}",
    ReasonCode.KILL_DIRECT: "new orders are stopped for {0}, past the server",
    ReasonCode.INSTRUMENT_NOT_TRADABLE: "{0} is not tradable",
    ReasonCode.INSTRUMENT_PAPER_ONLY: "{0} is a local paper instrument",
    ReasonCode.ORDER_TYPE_NOT_SUPPORTED: "broker {0} does not take {1} orders",
    ReasonCode.SESSION_CLOSED: "{0} takes no orders now: {1}",
    ReasonCode.NOT_IN_PHASE: "{0} takes no {1} orders in {2}",
    ReasonCode.PAST_SQUARE_OFF: "today's intraday positions in {0} are squared off already",
    ReasonCode.BAN_PERIOD: "{0} is in its ban period: positions may only be made smaller",
    ReasonCode.TRADE_TO_TRADE: "{0} is traded for delivery only, in series {1}",
    ReasonCode.LOT_MULTIPLE: "{0} is not a positive multiple of the lot, {1}",
    ReasonCode.OFF_TICK: "{0} is not a multiple of the tick, {1}",
    ReasonCode.NO_PRICE: "no price is known for {0}",
    ReasonCode.SYNTHETIC_PRICE: "the price of {0} is synthetic, good for paper only",
    ReasonCode.STALE_PRICE: "the price of {0} is {1} s old, more than {2} s",
    ReasonCode.OUTSIDE_BAND: "{0} is outside the price band {1} to {2}",
    ReasonCode.FAR_FROM_LAST: "{0} is too far from the last price {1}",
    ReasonCode.STOP_NOT_BEYOND_LAST: "the stop {0} is not beyond the last price {1}",
    ReasonCode.STOP_BEYOND_LIMIT: "the limit {1} is on the wrong side of the stop {0}",
    ReasonCode.QUANTITY_CAP: "{0} is above the quantity cap {1}",
    ReasonCode.VALUE_CAP: "{0} is above the value cap {1}",
    ReasonCode.ORDER_IN_DOUBT: "an order of {0} in this book is in doubt",
    ReasonCode.RESTRICTED: "{0} is restricted for {1}",
    ReasonCode.NOT_SELLABLE: "{0} asked, {1} sellable",
    ReasonCode.NOT_SHORT: "{0} asked, {1} to buy back",
    ReasonCode.POSITION_CAP: "{0} would be held, more than the limit {1}",
    ReasonCode.INSUFFICIENT_CASH: "{0} needed, {1} available",
    ReasonCode.TOO_MANY_OPEN_ORDERS: "the book has {0} open orders already",
    ReasonCode.TOO_MANY_ORDERS_TODAY: "the book sent {0} orders today already",
    ReasonCode.DUPLICATE_ORDER: "the same order came within {0} s (order {1})",
    ReasonCode.INSTRUCTION_EXPIRED: "the instruction expired before the order was sent",
    ReasonCode.HELD_CANCELED: "canceled while it was held",
    ReasonCode.ABOVE_APPROVAL: "opens risk of {0}, above {1}: another person has to approve it",
    ReasonCode.ASKED_FOR_APPROVAL: "another person has to approve it, whatever its size",
    ReasonCode.APPROVAL_EXPIRED: "nobody approved it in time",
    ReasonCode.DECLINED: "{0} declined it",
    ReasonCode.UNDONE: "canceled within its undo window, nothing was sent",
    ReasonCode.NOT_PLANNABLE: "it could not be planned when its time came: {0}",
    ReasonCode.UNFILLED: "not filled within {0} s",
    ReasonCode.NOT_FILLED_BY_HAND: "the fill by hand was not done: {0}",
    ReasonCode.NEVER_SENT: "never written to the broker: {0}",
    ReasonCode.STALE_EPOCH: "another process took over before the order was written",
    ReasonCode.DESK_STOPPING: "the desk was stopping; the order goes at the next start if it still may",
    ReasonCode.SEND_DEADLINE: "the send deadline passed before the order was written",
    ReasonCode.RATE_LIMITED: "a rate limit was changed before it was written, and has no place for it now",
    ReasonCode.NO_ALGO_ID: "the login of account {0} has no algo id, and the exchange wants one",
    ReasonCode.EGRESS_NOT_REGISTERED: (
        "the broker takes no orders from the address that the login of account {0} leaves from"
    ),
    ReasonCode.BROKER_REJECTED: "the broker refused: {0}",
    ReasonCode.BROKER_UNREACHABLE: "the broker could not be reached, nothing was written",
    ReasonCode.ABSENT_AT_BROKER: "the broker does not know the order: it was not received",
    ReasonCode.CANCELED_BEFORE_SENT: "canceled before it was sent",
    ReasonCode.JUDGED_ABSENT: "{0} says that the broker never received it",
    ReasonCode.JUDGED_NOT_GRANTED: "{0} says that the broker did not grant it",
}


class Reason(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A code and the facts that fill its sentence."""

    code: ReasonCode
    facts: Facts = ()

    def __str__(self) -> str:
        """The sentence with its facts."""
        shown = [format_fixed(f) if isinstance(f, int) else f for f in self.facts]
        return SENTENCES[self.code].format(*shown)


def reason_table() -> str:
    """The Markdown table of all codes, as ``docs/reason-codes.md`` shows it."""
    rows = [f"| `{code}` | {SENTENCES[code]} |" for code in ReasonCode]
    return "\n".join(["| code | meaning |", "|---|---|", *rows, ""])
