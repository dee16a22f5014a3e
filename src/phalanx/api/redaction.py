"""What is left out of an instruction before it is told to somebody who sees a part of the book only.

What it came to is narrowed where it is read; this is about what was asked for, and why: names of others, rows
and quantities of others, totals that are shared out, and remarks of whoever made it.
"""

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from phalanx.api.asked import (
    AskedAllocation,
    AskedBatch,
    AskedExit,
    AskedOrder,
    AskedPriorityBuy,
    AskedQuantity,
    AskedRow,
    AskedSignal,
    Asking,
)
from phalanx.api.discretion import discreet_message
from phalanx.api.history import InstructionAnswer
from phalanx.api.reach import Reach
from phalanx.engine.state import State

Told = TypeVar("Told", bound=InstructionAnswer)
_Whose = TypeVar("_Whose", AskedOrder, AskedRow)
_Whom = TypeVar("_Whom", AskedSignal, AskedPriorityBuy, AskedBatch, AskedExit)


def redacted(told: Told, reach: Reach, state: State, actor: str) -> Told:
    """The instruction as ``actor`` may read it. Of one that is not theirs neither the remark nor the words
    of a refusal, which may name anybody, the code only.
    """
    is_own = told.actor == actor
    shown = replace(_discreet(told, reach), asked=_asked(told.asked, reach, state, is_own=is_own))
    if is_own:
        return shown
    shown = replace(shown, message=None, note="", request_id="")
    skips = getattr(shown, "skips", None)
    if skips and isinstance(told.asked, AskedExit) and told.asked.trade is not None:
        # They say which trade there was nothing of, and that may be anybody's.
        shown = replace(shown, skips=[replace(skip, message="") for skip in skips])
    return shown


def _discreet(told: Told, reach: Reach) -> Told:
    """Without the cash of accounts that are not within reach as a whole."""
    if reach.is_by_account:
        return told
    shown = replace(told, message=discreet_message(told.reason, told.message, reach))
    skips = getattr(shown, "skips", None)
    if not skips:
        return shown
    kept = [replace(one, message=discreet_message(one.reason, one.message, reach)) for one in skips]
    return replace(shown, skips=kept)


def _asked(asked: Asking, reach: Reach, state: State, *, is_own: bool) -> Asking:
    match asked:
        case AskedOrder():
            return _whose(asked, reach, state)
        case AskedSignal():
            return _whom(asked, reach)
        case AskedPriorityBuy():
            return replace(_whom(asked, reach), list=None)
        case AskedBatch():
            return _batch(_whom(asked, reach), reach, state, is_own=is_own)
        case AskedExit():
            kept = _whom(asked, reach)
            trade = asked.trade if is_own else None
            return replace(kept, trade=trade, quantities=_sizes(asked.quantities, reach))
        case _:
            return asked


def _whom(asked: _Whom, reach: Reach) -> _Whom:
    """A group is the desk's, and may be called after anybody."""
    return replace(
        asked,
        accounts=[one for one in asked.accounts if reach.has_account(one)],
        clients=[one for one in asked.clients if reach.has_client(one)],
        groups=[],
    )


def _batch(asked: AskedBatch, reach: Reach, state: State, *, is_own: bool) -> AskedBatch:
    allocation = asked.allocation
    if allocation is not None:
        sizes = _sizes(allocation.quantities, reach)
        if is_own:
            allocation = replace(allocation, quantities=sizes)
        else:
            # Its amount is shared out among all who were meant.
            allocation = AskedAllocation(allocation.method, quantities=sizes)
    rows = asked.rows
    if rows is not None:
        rows = [row for row in rows if _is_within(row, reach, state)]
    total = asked.rows_total if is_own or rows is None else len(rows)
    return replace(
        asked,
        allocation=allocation,
        rows=rows,
        rows_total=total if is_own or rows is not None else None,
    )


def _whose(asked: _Whose, reach: Reach, state: State) -> _Whose:
    if _is_within(asked, reach, state):
        return asked
    return replace(asked, client=None, account_id=None)


def _is_within(asked: AskedOrder | AskedRow, reach: Reach, state: State) -> bool:
    """Whether all that it names is within reach. An order by itself has no strategy."""
    account = asked.account_id or state.primary_accounts.get(asked.client or 0, "")
    is_theirs = asked.client is None or reach.has_client(asked.client)
    return is_theirs and reach.strategies is None and reach.has_account(account)


def _sizes(sizes: Sequence[AskedQuantity] | None, reach: Reach) -> list[AskedQuantity] | None:
    if sizes is None:
        return None
    return [one for one in sizes if reach.has_account(one.account)]
