"""The exit that goes with a kill: one instruction, or several where one cannot hold so many orders."""

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from phalanx.api.exchange import Call
from phalanx.api.outcomes import REJECTED, Counts, instruction_answer
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import ExitRequest, ExitScope, Origin, Selection
from phalanx.engine.commands import Submit
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

NOTE = "flatten"
KEY = " flatten"
"""What is appended to a kill's idempotency key for its exit, with a number for one of several. No
caller's key has a blank in it."""
_TOO_LARGE = "PLAN_TOO_LARGE"


class FlattenPart(msgspec.Struct, frozen=True):
    """An exit that went with a kill. When even the exit was refused, ``instruction_id`` is null and
    ``reason`` says why: the kill stands all the same.
    """

    instruction_id: str | None
    status: str
    reason: str | None
    message: str | None
    counts: Counts


class FlattenAnswer(FlattenPart, frozen=True, kw_only=True):
    """The exit, and ``more`` exits where one instruction could not hold all the orders; then each is
    for other accounts.
    """

    more: list[FlattenPart] = []


async def flattened(call: Call, origin: Origin, account: AccountId) -> FlattenAnswer:
    """Get out of today's positions; ``origin`` is the kill's, ``account`` empty for everybody.

    Each exit has a key made of the kill's. A repeat finds those that were given, and gives those that
    an earlier try did not come to.
    """
    whole = _keyed(origin, "")
    selection = Selection(accounts=(account,) if account else ())
    if not call.is_repeat(_keyed(origin, " 1")):
        found = await _exit(call, whole, selection)
        if account or found.reason != _TOO_LARGE:
            return FlattenAnswer(*msgspec.structs.astuple(found))
    first, *more = await _in_parts(call, origin)
    return FlattenAnswer(*msgspec.structs.astuple(first), more=more)


async def _in_parts(call: Call, origin: Origin) -> list[FlattenPart]:
    """As few exits as it takes, by halves. An account that is too large by itself is told of, and the
    others go.
    """
    parts: list[FlattenPart] = []
    given: set[AccountId] = set()
    numbers = _numbered(origin)
    key = next(numbers)
    while call.is_repeat(key):
        parts.append(await _exit(call, key, Selection(), given))
        key = next(numbers)
    left: deque[Sequence[AccountId]] = deque()
    rest = [one for one in _exposed(call.desk.state) if one not in given]
    if rest:
        left.append(rest)
    while left:
        accounts = left.popleft()
        part = await _exit(call, key, Selection(accounts=tuple(accounts)))
        if part.reason == _TOO_LARGE and len(accounts) > 1:
            middle = len(accounts) // 2
            left.extendleft((accounts[middle:], accounts[:middle]))
            continue
        parts.append(part)
        if part.instruction_id is not None:
            key = next(numbers)
    return parts


async def _exit(
    call: Call, origin: Origin, selection: Selection, given: set[AccountId] | None = None
) -> FlattenPart:
    """One exit; ``given`` gets the accounts that it is, or was, for."""
    request = ExitRequest(scope=ExitScope.POSITIONS, selection=selection)
    try:
        executed = await call.desk.execute(Submit(origin, request, NOTE, received=call.received))
    except Refused as refused:
        return FlattenPart(None, REJECTED, refused.code, refused.detail, Counts(0, 0, 0))
    event = executed.events[0]
    assert isinstance(event, InstructionPlanned), f"{type(event).__name__} plans nothing"
    assert isinstance(event.request, ExitRequest), "an exit"
    if given is not None:
        given.update(event.request.selection.accounts)
    found = instruction_answer(event, call.desk.state)
    return FlattenPart(
        found.instruction_id, found.status, found.reason, found.message, found.counts
    )


def _exposed(state: State) -> list[AccountId]:
    """The accounts whose books have something that works or is held."""
    books = ((account.id, state.books[account.book]) for account in state.accounts.values())
    return [one for one, book in books if book.open_orders or book.positions or book.lots]


def _numbered(origin: Origin) -> Iterator[Origin]:
    number = 0
    while True:
        number += 1
        yield _keyed(origin, f" {number}")


def _keyed(origin: Origin, part: str) -> Origin:
    key = origin.idempotency_key
    return msgspec.structs.replace(origin, idempotency_key=f"{key}{KEY}{part}" if key else "")
