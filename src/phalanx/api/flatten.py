"""The exit that goes with a kill: one instruction, or several where one cannot hold so many orders."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from phalanx.api.confine import confined
from phalanx.api.exchange import Call
from phalanx.api.outcomes import REJECTED, Counts, instruction_answer
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import ExitRequest, ExitScope, Origin, Selection
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import Nanoseconds
from phalanx.engine.commands import Submit
from phalanx.engine.exposure import reach
from phalanx.engine.refused import Refused
from phalanx.engine.state import Lot, State

NOTE = "flatten"
KEY = " flatten"
"""What is appended to a kill's idempotency key for its exit, with a number for one of several. No
caller's key has a blank in it."""
UNCLOSED_MAX = 20
"""So many of the accounts whose positions are not closed are named."""
_TOO_LARGE = "PLAN_TOO_LARGE"
_NOTHING = ReasonCode.NOTHING_TO_EXIT.value


class KillPart(msgspec.Struct, frozen=True):
    """An instruction that went with a kill. When even that was refused, ``instruction_id`` is null and
    ``reason`` says why: the kill stands all the same.
    """

    instruction_id: str | None
    status: str
    reason: str | None
    message: str | None
    counts: Counts


class Unclosed(msgspec.Struct, frozen=True):
    """An account that has a position in scope which is not closed, or not all of it, and the first
    reason why.
    """

    account: str
    reason: str
    message: str


class FlattenAnswer(KillPart, frozen=True, kw_only=True):
    """The exit, and ``more`` exits where one instruction could not hold all the orders, or a strategy's
    trades are closed one by one; then each is for others.

    ``unclosed``: the first 20 of the ``unclosed_total`` accounts that keep a position which was to be
    closed. ``closing_already``: of so many others a position is being closed already. Who has none is
    in neither.
    """

    more: list[KillPart] = []
    unclosed: list[Unclosed] = []
    unclosed_total: int = 0
    closing_already: int = 0


class _Exit(NamedTuple):
    """One exit as it is told, and what it left out of what is held."""

    part: KillPart
    unclosed: Sequence[Unclosed] = ()
    closing: Sequence[AccountId] = ()


async def flattened(
    call: Call, origin: Origin, scope: KillScope, *, cancels: bool
) -> FlattenAnswer:
    """Get out of today's positions in a scope; ``origin`` is the kill's.

    Where the kill ``cancels`` as well, resting sells are called back and sold anew, and what a cancelled
    buy still fills is sold too; where it does not, all that works is left alone. Each exit has a key made
    of the kill's. A repeat finds those that were given, and gives those that an earlier try did not come to.
    """
    asked = ExitRequest(scope=ExitScope.POSITIONS, held_only=not cancels)
    if scope.level is KillLevel.STRATEGY:
        return _told(await _trades_out(call, origin, asked, scope.name))
    whole = _keyed(origin, "")
    if not call.is_repeat(_keyed(origin, " 1")):
        selection = _selection(call.desk.state, scope)
        if selection is None:
            return _told([_Exit(_refused(_NOTHING, f"{scope} has no account"))])
        found = await _exit(call, whole, replace(asked, selection=selection))
        if scope.level is KillLevel.ACCOUNT or found.part.reason != _TOO_LARGE:
            return _told([found])
    return _told(await _in_parts(call, origin, asked, scope))


def part_of(event: InstructionPlanned, state: State) -> KillPart:
    """An instruction as a kill's answer tells of it."""
    found = instruction_answer(event, state)
    return KillPart(found.instruction_id, found.status, found.reason, found.message, found.counts)


def _selection(state: State, scope: KillScope) -> Selection | None:
    """The accounts in a scope by name; None when nobody is in it."""
    match scope.level:
        case KillLevel.ALL:
            return Selection()
        case KillLevel.CLIENT:
            return Selection(clients=(int(scope.name),))
        case _:
            accounts = tuple(one.id for one in state.accounts.values() if scope.covers(one, None))
            return Selection(accounts=accounts) if accounts else None


async def _in_parts(
    call: Call, origin: Origin, asked: ExitRequest, scope: KillScope
) -> list[_Exit]:
    """As few exits as it takes, by halves. An account that is too large by itself is told of, and the
    others go.
    """
    exits: list[_Exit] = []
    given: set[AccountId] = set()
    numbers = _numbered(origin)
    key = next(numbers)
    while call.is_repeat(key):
        exits.append(await _exit(call, key, asked, given))
        key = next(numbers)
    left: deque[Sequence[AccountId]] = deque()
    rest = [one for one in _exposed(call.desk.state, scope) if one not in given]
    if rest:
        left.append(rest)
    while left:
        accounts = left.popleft()
        selection = Selection(accounts=tuple(accounts))
        found = await _exit(call, key, replace(asked, selection=selection))
        if found.part.reason == _TOO_LARGE and len(accounts) > 1:
            middle = len(accounts) // 2
            left.extendleft((accounts[middle:], accounts[:middle]))
            continue
        exits.append(found)
        if found.part.instruction_id is not None:
            key = next(numbers)
    return exits


async def _trades_out(call: Call, origin: Origin, asked: ExitRequest, strategy: str) -> list[_Exit]:
    """An exit for each trade of today that the strategy opened: what others hold beside it stays."""
    exits: list[_Exit] = []
    given: set[str] = set()
    numbers = _numbered(origin)
    key = next(numbers)
    while call.is_repeat(key):
        exits.append(await _exit(call, key, asked, given))
        key = next(numbers)
    desk = call.desk
    lots = _lots_of(desk.state, strategy, desk.clock.now())
    trades = [lot.id for lot in lots if lot.remaining or not asked.held_only]
    trades = [trade for trade in trades if trade not in given]
    keys = islice(chain([key], numbers), len(trades))
    # All at once: they are decided in this order, and become durable together.
    asking = (
        _exit(call, one, replace(asked, trade=trade))
        for one, trade in zip(keys, trades, strict=True)
    )
    exits += await asyncio.gather(*asking)
    return exits or [_Exit(_refused(_NOTHING, f"nothing of strategy {strategy} to exit"))]


async def _exit(
    call: Call, origin: Origin, request: ExitRequest, given: set[str] | None = None
) -> _Exit:
    """One exit; ``given`` gets the accounts, and the trade, that it is, or was, for."""
    kept = confined(call, origin, request)
    try:
        executed = await call.desk.execute(Submit(origin, kept, NOTE, received=call.received))
    except Refused as refused:
        accounts = request.selection.accounts
        alone = accounts if len(accounts) == 1 else ()
        unclosed = [Unclosed(one, refused.code, refused.detail) for one in alone]
        return _Exit(_refused(refused.code, refused.detail), unclosed)
    event = executed.events[0]
    assert isinstance(event, InstructionPlanned), f"{type(event).__name__} plans nothing"
    assert isinstance(event.request, ExitRequest), "an exit"
    if given is not None:
        given.update((*event.request.selection.accounts, event.request.trade))
    return _exit_of(event, call.desk.state)


def _exit_of(event: InstructionPlanned, state: State) -> _Exit:
    """A skip for another reason than that there is nothing, or nothing more, to close is a position
    that stays.
    """
    unclosed, closing = [], []
    for account, reason in ((skip.account, skip.reason) for skip in event.skips):
        if reason.code is ReasonCode.ALREADY_EXITING:
            closing.append(account)
        elif reason.code is not ReasonCode.NOTHING_TO_EXIT:
            unclosed.append(Unclosed(account, reason.code.value, str(reason)))
    return _Exit(part_of(event, state), unclosed, closing)


def _refused(code: str, detail: str) -> KillPart:
    return KillPart(None, REJECTED, code, detail, Counts(0, 0, 0))


def _told(exits: Sequence[_Exit]) -> FlattenAnswer:
    first, *more = (one.part for one in exits)
    unclosed: dict[AccountId, Unclosed] = {}
    for one in chain.from_iterable(each.unclosed for each in exits):
        unclosed.setdefault(one.account, one)
    closing = set(chain.from_iterable(each.closing for each in exits))
    return FlattenAnswer(
        *msgspec.structs.astuple(first),
        more=more,
        unclosed=list(islice(unclosed.values(), UNCLOSED_MAX)),
        unclosed_total=len(unclosed),
        closing_already=len(closing - unclosed.keys()),
    )


def _exposed(state: State, scope: KillScope) -> list[AccountId]:
    """The accounts in scope whose books have something that works or is held."""
    owners = (one for one in state.accounts.values() if scope.covers(one, None))
    books = ((account.id, state.books[account.book]) for account in owners)
    return [one for one, book in books if book.open_orders or book.positions or book.lots]


def _lots_of(state: State, strategy: str, now: Nanoseconds) -> Iterator[Lot]:
    """Today's lots that the strategy opened, account by account."""
    today = reach(state, now, ExitScope.POSITIONS, "")
    for account in state.accounts.values():
        for lot in state.books[account.book].all_lots():
            if lot.strategy == strategy and today.holds(lot):
                yield lot


def _numbered(origin: Origin) -> Iterator[Origin]:
    number = 0
    while True:
        number += 1
        yield _keyed(origin, f" {number}")


def _keyed(origin: Origin, part: str) -> Origin:
    key = origin.idempotency_key
    return replace(origin, idempotency_key=f"{key}{KEY}{part}" if key else "")
