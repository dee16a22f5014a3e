"""An instruction on its way to the desk: previewed, given, held for its time, or fired from a preview.

Every door that makes instructions ends here. What a body leaves open is filled in from the state at
the last moment; the idempotency key stands for what was asked, not for what that was filled in with.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from phalanx.api.confine import confined, outside
from phalanx.api.discretion import discreet_cash, discreet_plan
from phalanx.api.exchange import BODY_BYTES_MAX, NO_STORE, Answer, Call, answer_json
from phalanx.api.naming import primary_account
from phalanx.api.new_instructions import NewInstruction, Size
from phalanx.api.outcomes import instruction_answer, preview_answer
from phalanx.api.problems import Problem
from phalanx.api.reach import Reach
from phalanx.api.reading import read_views
from phalanx.desk.desk import Desk, Executed
from phalanx.domain.accounts import AccountId
from phalanx.domain.allocation import Method
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import (
    AllocatedRequest,
    ExitRequest,
    FollowUp,
    InstructionId,
    InstructionRequest,
    OrderRequest,
    Origin,
    SignalRequest,
)
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import BASIS_POINTS, Quantity
from phalanx.domain.time import DAY, Nanoseconds
from phalanx.engine.apply.lots import find_lot_of
from phalanx.engine.commands import Submit
from phalanx.views.queries import Views
from phalanx.views.rows import TradeStatus

T = TypeVar("T")
Quantities = tuple[tuple[AccountId, Quantity], ...]

BODY_MAX = 16 * 1024 * 1024
"""What a body with rows may have: more than one instruction can plan, which the engine then says."""
FIRE_AT_DAYS_MAX = 7


async def read_aside(call: Call, read: Callable[[bytes], T]) -> T:
    """What ``read`` makes of the body; a large one is read where it keeps no order waiting."""
    if len(call.body) <= BODY_BYTES_MAX:
        return read(call.body)
    return await asyncio.to_thread(read, call.body)


async def give(call: Call, door: DoorName, asked: NewInstruction) -> Answer:
    """The instruction, once its plan is durable; or that it is held for its time, or for approval.

    Raises as `give_as`.
    """
    return given(call, await give_as(call, call.origin(door, asked), asked))


async def give_as(
    call: Call, origin: Origin, asked: NewInstruction, *, ask: bool = False
) -> Executed:
    """What became of it in the name of this origin. ``ask``: another person is to approve it first.

    Raises Problem ``FIRE_AT_PAST``, ``FIRE_AT_TOO_FAR``, ``PREVIEW_WITH_FIRE_AT`` and whatever the
    desk refuses, ``PREVIEW_EXPIRED``, ``PREVIEW_MISMATCH`` and ``MOVED`` among it.
    """
    _check_preview(asked)
    request = asked.request
    if not call.is_repeat(origin):
        request = await _to_be_given(call, asked)
    request = confined(call, origin, request)
    fire_at = asked.fire_at or 0
    command = Submit(origin, request, asked.note, asked.expires_s, call.received, fire_at, ask=ask)
    if asked.preview:
        refuse = asked.on_moved == "refuse"
        return await call.desk.fire(command, asked.preview, refuse=refuse)
    return await call.desk.execute(command)


def command_at_once(call: Call, door: DoorName, asked: NewInstruction) -> Submit | None:
    """The command for a single order or a signal that is to be planned now, just as it was asked for;
    None for anything else: ``give`` that. Raises Problem.
    """
    if asked.preview or asked.on_moved or asked.fire_at is not None:
        return None
    if not isinstance(asked.request, OrderRequest | SignalRequest):
        return None
    origin = call.origin(door, asked)
    request = confined(call, origin, asked.request)
    return Submit(origin, request, asked.note, asked.expires_s, call.received)


async def _to_be_given(call: Call, asked: NewInstruction) -> InstructionRequest:
    """What was previewed under the token, or what was asked, with what it leaves open.

    Raises Problem ``FIRE_AT_PAST``, ``FIRE_AT_TOO_FAR``, and as ``_filled_in`` does.
    """
    if asked.fire_at is not None:
        _check_fire_at(asked.fire_at, call.desk.clock.now())
    if asked.preview:
        found = call.desk.previewed(asked.preview, call.principal.actor, _open_ended(asked))
        if found is not None:
            return found
    return await _filled_in(call, asked)


async def follow(
    call: Call,
    origin: Origin,
    parent: InstructionId,
    follow_up: FollowUp,
    asked: NewInstruction,
) -> Answer:
    """An instruction that follows up on another one, which is within the caller's reach as a whole."""
    command = Submit(
        origin,
        confined(call, origin, asked.request, parent),
        asked.note,
        asked.expires_s,
        call.received,
        parent=parent,
        follow_up=follow_up,
    )
    return given(call, await call.desk.execute(command))


async def preview(call: Call, door: DoorName, asked: NewInstruction) -> Answer:
    """What the instruction would come to now, with a token to fire exactly that from.

    Raises Problem ``PREVIEW_WITH_FIRE_AT``, and whatever the desk refuses.
    """
    if asked.fire_at is not None:
        raise _with_fire_at()
    if asked.preview:
        detail = "a preview is not made from a preview"
        raise Problem("CONTRADICTING_FIELDS", detail, field="preview")
    origin = Origin(call.principal.actor, door, call.request_id)
    request = confined(call, origin, await _filled_in(call, asked))
    command = Submit(origin, request, asked.note, asked.expires_s, call.received)
    previewed = await call.desk.preview(command, _open_ended(asked))
    found = preview_answer(
        discreet_plan(previewed.planned, call.reach),
        call.desk.state,
        previewed.token,
        previewed.expires_at,
        discreet_cash(previewed.cash_after, call.reach),
        previewed.cause,
    )
    answer = answer_json(200, found)
    return replace(answer, headers=(NO_STORE,))


def given(call: Call, executed: Executed) -> Answer:
    """202, with what the instruction's own event says."""
    event = executed.events[0]
    assert isinstance(event, InstructionPlanned | InstructionHeld), f"{type(event).__name__}?"
    if isinstance(event, InstructionPlanned):
        event = discreet_plan(event, call.reach)
    return answer_json(202, instruction_answer(event, call.desk.state), executed)


def _check_preview(asked: NewInstruction) -> None:
    if asked.preview and asked.fire_at is not None:
        raise _with_fire_at()
    if asked.on_moved and not asked.preview:
        raise Problem("MISSING_FIELD", "on_moved is about a preview", field="preview")


def _with_fire_at() -> Problem:
    detail = "a preview holds for a short while, what fires later is planned then"
    return Problem("PREVIEW_WITH_FIRE_AT", detail, field="fire_at")


def _check_fire_at(fire_at: Nanoseconds, now: Nanoseconds) -> None:
    if fire_at <= now:
        raise Problem("FIRE_AT_PAST", "this time is over", field="fire_at")
    if fire_at > now + FIRE_AT_DAYS_MAX * DAY:
        detail = f"more than {FIRE_AT_DAYS_MAX} days away"
        raise Problem("FIRE_AT_TOO_FAR", detail, field="fire_at")


def _open_ended(asked: NewInstruction) -> object:
    """What was asked, before anything was filled in: equal for a preview and its firing."""
    return asked.request, asked.sizes


async def _filled_in(call: Call, asked: NewInstruction) -> InstructionRequest:
    """The request with the quantities that depend on the state, or on another instruction."""
    request = asked.request
    match request:
        case ExitRequest() if request.trade:
            return await trade_exit(call, request)
        case AllocatedRequest() if request.allocation.method is Method.LIKE:
            quantities = await _quantities_like(call, request.allocation.instruction)
        case AllocatedRequest() if asked.sizes:
            quantities = _quantities(call.desk, call.reach, asked.sizes)
        case _:
            return request
    return replace(request, allocation=replace(request.allocation, quantities=quantities))


async def trade_exit(call: Call, request: ExitRequest) -> ExitRequest:
    """The exit of a trade as the engine can plan it. What a late fill of it bought may have joined
    another lot of the same strategy: then its share of the account's position is closed instead. Of
    any other trade that is no lot the engine says that it is not open.

    Raises Problem ``VIEWS_UNAVAILABLE``.
    """
    state = call.desk.state
    if find_lot_of(state, request.trade) is not None:
        return request
    trade = await read_views(call, lambda views: views.trade(request.trade))
    if trade is None or trade.status is not TradeStatus.ACTIVE:
        return request
    if state.accounts[trade.account].mode is not trade.mode:
        return request
    if request.product not in {None, trade.product}:
        return request
    quantity = trade.pnl.remaining * request.percent_bps // BASIS_POINTS
    return replace(
        request,
        instrument=trade.instrument,
        trade="",
        percent_bps=BASIS_POINTS,
        selection=replace(request.selection, accounts=(trade.account,)),
        quantities=((trade.account, quantity),),
        product=trade.product,
    )


def _quantities(desk: Desk, reach: Reach, sizes: tuple[Size, ...]) -> Quantities:
    """Raises Problem ``UNKNOWN_CLIENT``, ``DUPLICATE_ACCOUNT``, ``OUT_OF_REACH``."""
    found: dict[AccountId, Quantity] = {}
    for at, size in enumerate(sizes):
        place = f"allocation.quantities[{at}]"
        account = size.account or primary_account(desk, size.client, f"{place}.client", reach=reach)
        if not reach.has_account(account):
            outside()
        if account in found:
            raise Problem("DUPLICATE_ACCOUNT", f"{account} is there twice", field=place)
        found[account] = size.quantity
    return tuple(found.items())


async def _quantities_like(call: Call, instruction: InstructionId) -> Quantities:
    """What another instruction placed for each account.

    Raises Problem ``UNKNOWN_INSTRUCTION``, ``NOTHING_LIKE``, ``SEVERAL_INSTRUMENTS``.
    """
    field = "allocation.instruction"

    within = call.within

    def work(views: Views) -> Quantities | None:
        tree = views.instruction(instruction, within)
        if tree is None:
            return None
        orders = [one.order for one in tree.orders]
        if len({order.instrument for order in orders}) > 1:
            detail = f"{instruction} was about more than one instrument"
            raise Problem("SEVERAL_INSTRUMENTS", detail, field=field)
        found: dict[AccountId, Quantity] = {}
        for order in orders:
            found[order.account] = found.get(order.account, 0) + order.order_quantity
        return tuple(found.items())

    quantities = await read_views(call, work)
    if quantities is None:
        detail = f"no instruction {instruction}"
        raise Problem("UNKNOWN_INSTRUCTION", detail, field=field, status=422)
    if not quantities:
        raise Problem("NOTHING_LIKE", f"{instruction} placed no orders", field=field)
    return quantities
