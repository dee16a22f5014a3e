"""What follows up on an instruction: cancel the rest, retry, reverse, repeat. Each is a new instruction.

A key stands for the wish (which follow-up, of which instruction), not for the orders that were found
for it: asked again, the first answer comes again, whatever became of those orders since.
"""

from collections.abc import Awaitable, Callable, Iterable

import msgspec
from msgspec import UNSET

from phalanx.api import examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.fields import note
from phalanx.api.instruction_shapes import FollowUpBody
from phalanx.api.new_instructions import NewInstruction
from phalanx.api.outcomes import PlannedInstruction
from phalanx.api.policy import CANCEL_OWN, TRADE_OWN, Policy
from phalanx.api.problems import Problem
from phalanx.api.reading import read_views
from phalanx.api.submission import follow
from phalanx.domain.instructions import (
    BatchRequest,
    BatchRow,
    CancelOpenRequest,
    CancelRestRequest,
    FollowUp,
    InstructionId,
    InstructionRequest,
)
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.orders import PRICED, OrdType, Side, was_never_taken
from phalanx.domain.reasons import ReasonCode
from phalanx.views.queries import Views
from phalanx.views.rows import InstructionTree, OrderRow

PATH = "/api/v1/instructions/{instruction_id}"
_body: Body[FollowUpBody] = Body(FollowUpBody)
_OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}

Find = Callable[[Call, InstructionId], Awaitable[InstructionRequest]]


async def cancel_instruction(call: Call) -> Answer:
    """Cancel what is still open of it; one that is held never fires."""
    return await _follow_up(call, FollowUp.CANCEL, _cancel)


async def retry_instruction(call: Call) -> Answer:
    """Send again, on their own terms, the orders that no broker took."""
    return await _follow_up(call, FollowUp.RETRY, _retry)


async def reverse_instruction(call: Call) -> Answer:
    """Take back what its orders filled, at the market."""
    return await _follow_up(call, FollowUp.REVERSE, _reverse)


async def repeat_instruction(call: Call) -> Answer:
    """Ask for the same again, planned anew."""
    return await _follow_up(call, FollowUp.REPEAT, _repeat)


async def _follow_up(call: Call, follow_up: FollowUp, find: Find) -> Answer:
    parent = call.path("instruction_id")
    body = call.decode(_body)
    remark = "" if body.note is UNSET else note(body.note)
    expires_s = None if body.expires_s is UNSET else body.expires_s
    origin = call.origin(DoorName.INSTRUCTIONS, follow_up.value, parent, remark, expires_s)
    # Of a repeat only the key is looked at: the desk reads the first answer back.
    request: InstructionRequest = CancelRestRequest(parent)
    if not call.is_repeat(origin):
        await _check_reach(call, parent)
        request = await find(call, parent)
    return await follow(call, origin, parent, follow_up, NewInstruction(request, remark, expires_s))


async def _check_reach(call: Call, parent: InstructionId) -> None:
    """Who may touch a part of the book only follows up on what is theirs as a whole: every order, every
    cancel and every skip of it; of one that is held, or that came to nothing, on their own.

    Raises Problem ``UNKNOWN_INSTRUCTION``, as of one that there is not.
    """
    within = call.within
    if within is None:
        return
    whole, part = await read_views(
        call, lambda views: (views.instruction(parent), views.instruction(parent, within))
    )
    if whole is None or part is None or _size(whole) != _size(part):
        raise _unknown(parent)


def _size(tree: InstructionTree) -> tuple[int, int, int]:
    return len(tree.orders), len(tree.skips), len(tree.cancels)


def _unknown(instruction: InstructionId) -> Problem:
    return Problem("UNKNOWN_INSTRUCTION", f"no instruction {instruction}")


async def _cancel(call: Call, parent: InstructionId) -> InstructionRequest:
    state = call.desk.state
    # What is still open is in memory: a cancel does not wait for the views.
    if parent not in state.instructions and parent not in state.held:
        await read_views(call, lambda views: _tree(views, parent).instruction.id)
    return CancelRestRequest(parent)


async def _retry(call: Call, parent: InstructionId) -> InstructionRequest:
    found = await _batch(call, parent, retry_rows)
    if found is None:
        raise Problem("NOTHING_TO_RETRY", f"no order of {parent} was turned away or never sent")
    return found


async def _reverse(call: Call, parent: InstructionId) -> InstructionRequest:
    found = await _batch(call, parent, reverse_rows)
    if found is None:
        raise Problem("NOTHING_TO_REVERSE", f"no order of {parent} filled anything")
    return found


async def _repeat(call: Call, parent: InstructionId) -> InstructionRequest:
    held = call.desk.state.held.get(parent)
    if held is not None:
        return held.request
    request = await read_views(call, lambda views: _tree(views, parent).instruction.request)
    return request.anew if isinstance(request, CancelOpenRequest) else request


async def _batch(
    call: Call,
    parent: InstructionId,
    rows_of: Callable[[Iterable[OrderRow]], list[tuple[OrderRow, BatchRow]]],
) -> BatchRequest | None:
    """The rows that follow from the parent's orders, in those orders' mode; None without any.

    Raises Problem ``UNKNOWN_INSTRUCTION``, ``MIXED_MODES``.
    """
    if parent in call.desk.state.held:
        return None

    def work(views: Views) -> BatchRequest | None:
        found = rows_of(one.order for one in _tree(views, parent).orders)
        modes = {order.mode for order, _ in found}
        if len(modes) > 1:
            detail = "some of its accounts were paper then and others live: send rows of your own"
            raise Problem("MIXED_MODES", detail)
        return BatchRequest(tuple(row for _, row in found), modes.pop()) if found else None

    return await read_views(call, work)


def _tree(views: Views, instruction: InstructionId) -> InstructionTree:
    tree = views.instruction(instruction)
    if tree is None:
        raise _unknown(instruction)
    return tree


def retry_rows(orders: Iterable[OrderRow]) -> list[tuple[OrderRow, BatchRow]]:
    """The orders that no broker took, each with a row on its own terms."""
    return [(order, _again(order)) for order in orders if _was_never_taken(order)]


def reverse_rows(orders: Iterable[OrderRow]) -> list[tuple[OrderRow, BatchRow]]:
    """The orders that filled something, each with a row that takes it back at the market."""
    return [(order, _back(order)) for order in orders if order.cum_quantity > 0]


def _was_never_taken(order: OrderRow) -> bool:
    # Out of time is what was never sent; what lapses at a broker has another reason.
    dispatched = order.reason_code != ReasonCode.INSTRUCTION_EXPIRED
    return was_never_taken(order.status, order.cum_quantity, dispatched=dispatched)


def _again(order: OrderRow) -> BatchRow:
    return BatchRow(
        0,
        order.account,
        order.instrument,
        order.side,
        order.product,
        order.ord_type,
        order.quantity,
        order.limit if order.ord_type in PRICED else 0,
        order.time_in_force,
        order.stop_price,
        order.cl_ord_id,
    )


def _back(order: OrderRow) -> BatchRow:
    row = BatchRow(
        0,
        order.account,
        order.instrument,
        _OPPOSITE[order.side],
        order.product,
        OrdType.MARKET,
        order.cum_quantity,
    )
    return msgspec.structs.replace(row, source=order.cl_ord_id)


def _door(
    name: str,
    handler: Callable[[Call], Awaitable[Answer]],
    summary: str,
    about: str,
    *codes: str,
    policy: Policy = TRADE_OWN,
) -> Door:
    return Door(
        "POST",
        f"{PATH}/{name}",
        handler,
        summary,
        PlannedInstruction,
        202,
        tag="instructions",
        about=about,
        body=FollowUpBody,
        body_optional=True,
        examples=examples.FOLLOW_UP,
        problems=("UNKNOWN_INSTRUCTION", *codes, "VIEWS_UNAVAILABLE"),
        keyed=True,
        policy=policy,
        unlimited=handler is cancel_instruction,
    )


doors: tuple[Door, ...] = (
    _door(
        "cancel",
        cancel_instruction,
        "Cancel the rest of an instruction",
        "A cancel for each of its orders that is still open; what it filled stays. An instruction "
        "that is held until its time never fires.",
        policy=CANCEL_OWN,
    ),
    _door(
        "retry",
        retry_instruction,
        "Retry an instruction",
        "A batch of its orders that were rejected, not received, or never sent, on the same terms. An "
        "order that was retried or reversed once is not again.",
        *("NOTHING_TO_RETRY", "MIXED_MODES", "PLAN_TOO_LARGE"),
    ),
    _door(
        "reverse",
        reverse_instruction,
        "Reverse an instruction",
        "A batch with the other side of what its orders filled, at the market.",
        *("NOTHING_TO_REVERSE", "MIXED_MODES", "PLAN_TOO_LARGE"),
    ),
    _door(
        "repeat",
        repeat_instruction,
        "Repeat an instruction",
        "The same request again, planned for the accounts, the cash and the prices of now.",
        *("AMBIGUOUS_TOKEN", "PLAN_TOO_LARGE"),
    ),
)
