"""From events to facts: what of all that becomes durable somebody may want to be told."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

import msgspec

from phalanx.alerts.message import plain
from phalanx.domain.accounts import AccountId, split_book
from phalanx.domain.alerts import AlertKind
from phalanx.domain.audit import Act
from phalanx.domain.changes import KINDS
from phalanx.domain.events import (
    AccessRecorded,
    ApprovalAsked,
    BreakFiled,
    ChangeAsked,
    Event,
    InstructionHeld,
    InstructionPlanned,
    KillLifted,
    KillPut,
    OrderDoubted,
    OrderEnded,
    OrderFlagged,
    OrderReported,
    RequestDoubted,
)
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.orders import ClOrdId, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Nanoseconds
from phalanx.engine.state import State

SKIPS_LOOKED_AT_MAX: Final = 2_000
"""Of one instruction; it is done on the loop."""

LIMITS: Final = frozenset(
    {
        *(ReasonCode.QUANTITY_CAP, ReasonCode.VALUE_CAP, ReasonCode.POSITION_CAP),
        *(ReasonCode.RESTRICTED, ReasonCode.TOO_MANY_OPEN_ORDERS),
        ReasonCode.TOO_MANY_ORDERS_TODAY,
    }
)

Symbol: TypeAlias = Callable[[InstrumentKey], str]


class Fact(msgspec.Struct, frozen=True, gc=False):
    """Something happened. ``subject`` is what further ones are counted with; ``text`` is harmless and short.

    ``accounts``: whose, some of very many; empty: everybody's. ``count``: so many at once.
    """

    kind: AlertKind
    subject: str
    text: str
    at: Nanoseconds
    accounts: tuple[AccountId, ...] = ()
    instruction: str = ""
    count: int = 1


def facts_of(event: Event, state: State, symbol: Symbol) -> Sequence[Fact]:
    """What one event tells. An order that is not in memory any more tells nothing."""
    reader = _READERS.get(type(event))
    return () if reader is None else reader(event, state, symbol)


def _reported(event: OrderReported, state: State, symbol: Symbol) -> Sequence[Fact]:
    if event.status is not OrdStatus.REJECTED:
        return ()
    return _rejected(event, state, symbol, event.cl_ord_id, event.reason)


def _ended(event: OrderEnded, state: State, symbol: Symbol) -> Sequence[Fact]:
    if event.status is not OrdStatus.REJECTED:
        return ()
    return _rejected(event, state, symbol, event.cl_ord_id, event.reason)


def _rejected(
    event: OrderReported | OrderEnded,
    state: State,
    symbol: Symbol,
    cl_ord_id: ClOrdId,
    reason: Reason | None,
) -> Sequence[Fact]:
    order = state.orders.get(cl_ord_id)
    if order is None:
        return ()
    account, _ = split_book(order.draft.book)
    known = state.accounts.get(account)
    broker = known.broker if known is not None else ""
    why = "" if reason is None else f": {plain(str(reason))}"
    text = f"{_told(state, cl_ord_id, symbol)} at {plain(broker)}{why}"
    return (
        _about_order(AlertKind.REJECT_STORM, broker, text, event, order.instruction_id, account),
    )


def _doubted(event: OrderDoubted | RequestDoubted, state: State, symbol: Symbol) -> Sequence[Fact]:
    order = state.orders.get(event.cl_ord_id)
    if order is None:
        return ()
    account, _ = split_book(order.draft.book)
    what = "a cancel or replace of " if isinstance(event, RequestDoubted) else ""
    text = f"{what}{_told(state, event.cl_ord_id, symbol)}: {plain(event.text)}"
    kind, subject = AlertKind.IN_DOUBT, account
    return (_about_order(kind, subject, text, event, order.instruction_id, account),)


def _flagged(event: OrderFlagged, state: State, symbol: Symbol) -> Sequence[Fact]:
    order = state.orders.get(event.cl_ord_id)
    if order is None or event.flag != ReasonCode.UNFILLED:
        return ()
    account, _ = split_book(order.draft.book)
    text = f"{_told(state, event.cl_ord_id, symbol)} stands unfilled, see to it"
    kind, subject = AlertKind.UNFILLED_EXIT, event.cl_ord_id
    return (_about_order(kind, subject, text, event, order.instruction_id, account),)


def _filed(event: BreakFiled, _state: State, _symbol: Symbol) -> Sequence[Fact]:
    found = event.found
    text = f"{plain(found.account)} {found.kind}: {plain(found.reason, 100)}"
    return (Fact(AlertKind.BREAK, found.account, text, event.time, (found.account,)),)


def _killed(event: KillPut | KillLifted, state: State, _symbol: Symbol) -> Sequence[Fact]:
    scope = event.whom
    done = "stopped" if isinstance(event, KillPut) else "allowed again"
    note = f": {plain(event.note)}" if event.note else ""
    text = f"{plain(str(scope))} {done} by {plain(event.origin.actor)}{note}"
    accounts: tuple[AccountId, ...] = ()
    if scope.name in state.accounts and scope.key == f"account/{scope.name}":
        accounts = (scope.name,)
    return (Fact(AlertKind.KILL, scope.key, text, event.time, accounts),)


def _asked(event: ChangeAsked, _state: State, _symbol: Symbol) -> Sequence[Fact]:
    asked = event.asked
    details = plain(asked.details[0], 100) if asked.details else ""
    text = f"{asked.id} of {KINDS[type(asked.change)]} by {plain(asked.origin.actor)}: {details}"
    return (Fact(AlertKind.CHANGE_WAITING, asked.id, text, event.time),)


def _held(event: InstructionHeld | ApprovalAsked, _state: State, _symbol: Symbol) -> Sequence[Fact]:
    if event.cause is None:
        return ()
    by = f" by {plain(event.origin.actor)}" if isinstance(event, InstructionHeld) else ""
    text = f"{event.instruction_id}{by}: {plain(str(event.cause), 100)}"
    kind, id = AlertKind.APPROVAL_WAITING, event.instruction_id
    return (Fact(kind, id, text, event.time, (), id),)


def _recorded(event: AccessRecorded, _state: State, _symbol: Symbol) -> Sequence[Fact]:
    if event.act not in {Act.LOGIN_FAILED, Act.LOGIN_THROTTLED, Act.REFRESH_REUSED}:
        return ()
    whence = plain(event.origin.address) or "nowhere"
    text = f"{event.act} of {plain(event.subject)} from {whence}"
    kind = AlertKind.LOGIN_FAILED
    return (Fact(kind, event.subject, text, event.time, count=event.count),)


def _planned(event: InstructionPlanned, _state: State, _symbol: Symbol) -> Sequence[Fact]:
    if not event.skips and event.refusal is None:
        return ()
    found: dict[ReasonCode, dict[AccountId, Reason]] = {}
    for skip in islice(event.skips, SKIPS_LOOKED_AT_MAX):
        if skip.reason.code in LIMITS:
            found.setdefault(skip.reason.code, {}).setdefault(skip.account, skip.reason)
    facts = [
        _limited(event, code, next(iter(whose.values())), tuple(whose))
        for code, whose in found.items()
    ]
    if event.refusal is not None and event.refusal.code in LIMITS:
        facts.append(_limited(event, event.refusal.code, event.refusal, ()))
    return facts


def _limited(
    event: InstructionPlanned, code: ReasonCode, reason: Reason, accounts: tuple[AccountId, ...]
) -> Fact:
    who = f"{plain(accounts[0])} and {len(accounts) - 1} more" if accounts[1:] else ""
    whose = who or (plain(accounts[0]) if accounts else "the whole instruction")
    text = f"{code}, {whose}: {plain(str(reason), 80)}, asked by {plain(event.origin.actor)}"
    return Fact(AlertKind.LIMIT_HIT, code.value, text, event.time, accounts, event.instruction_id)


def _about_order(
    kind: AlertKind,
    subject: str,
    text: str,
    event: OrderReported | OrderEnded | OrderDoubted | RequestDoubted | OrderFlagged,
    instruction: str,
    account: AccountId,
) -> Fact:
    return Fact(kind, subject, text, event.time, (account,), instruction)


def _told(state: State, cl_ord_id: ClOrdId, symbol: Symbol) -> str:
    """An order in a few words."""
    draft = state.orders[cl_ord_id].draft
    account, _ = split_book(draft.book)
    return f"{cl_ord_id} {plain(account)} {draft.side.name} {plain(symbol(draft.instrument))}"


KIND_OF: Final[Mapping[type, AlertKind]] = {
    OrderReported: AlertKind.REJECT_STORM,
    OrderEnded: AlertKind.REJECT_STORM,
    OrderDoubted: AlertKind.IN_DOUBT,
    RequestDoubted: AlertKind.IN_DOUBT,
    OrderFlagged: AlertKind.UNFILLED_EXIT,
    BreakFiled: AlertKind.BREAK,
    KillPut: AlertKind.KILL,
    KillLifted: AlertKind.KILL,
    ChangeAsked: AlertKind.CHANGE_WAITING,
    InstructionHeld: AlertKind.APPROVAL_WAITING,
    ApprovalAsked: AlertKind.APPROVAL_WAITING,
    AccessRecorded: AlertKind.LOGIN_FAILED,
    InstructionPlanned: AlertKind.LIMIT_HIT,
}
"""What each event may tell: what nobody wants to be told is not looked at."""

_READERS: Final[Mapping[type, Callable[[Any, State, Symbol], Sequence[Fact]]]] = {
    OrderReported: _reported,
    OrderEnded: _ended,
    OrderDoubted: _doubted,
    RequestDoubted: _doubted,
    OrderFlagged: _flagged,
    BreakFiled: _filed,
    KillPut: _killed,
    KillLifted: _killed,
    ChangeAsked: _asked,
    InstructionHeld: _held,
    ApprovalAsked: _held,
    AccessRecorded: _recorded,
    InstructionPlanned: _planned,
}


class Standing:
    """What becomes news by standing for a while: breaks past their deadline, accounts without a session."""

    GRACE_NS: Final[Nanoseconds] = 30_000_000_000
    """So long an account may be closed before that is news: at every start it is for a moment."""

    def __init__(self) -> None:
        self._overdue: dict[str, None] = {}
        self._closed_since: dict[AccountId, Nanoseconds] = {}
        self._closed_told: dict[AccountId, None] = {}

    def look(
        self, state: State, closed: Mapping[AccountId, str], now: Nanoseconds
    ) -> Sequence[Fact]:
        """What became news since it looked last."""
        return [*self._breaks(state, now), *self._logins(state, closed, now)]

    def _breaks(self, state: State, now: Nanoseconds) -> Sequence[Fact]:
        late = {key: one for key, one in state.breaks.items() if 0 < one.deadline <= now}
        fresh = [one for key, one in late.items() if key not in self._overdue]
        self._overdue = dict.fromkeys(late)
        return [
            Fact(
                AlertKind.BREAK_OVERDUE,
                one.account,
                f"{plain(one.account)} {one.kind} of {plain(one.owner) or 'nobody'}: "
                f"{plain(one.reason, 100)}",
                now,
                (one.account,),
            )
            for one in fresh
        ]

    def _logins(
        self, state: State, closed: Mapping[AccountId, str], now: Nanoseconds
    ) -> Sequence[Fact]:
        since = self._closed_since
        self._closed_since = {account: since.get(account, now) for account in closed}
        self._closed_told = {one: None for one in self._closed_told if one in closed}
        dead: dict[str, list[AccountId]] = {}
        for account, begun in self._closed_since.items():
            if now - begun >= self.GRACE_NS and account not in self._closed_told:
                known = state.accounts.get(account)
                dead.setdefault("" if known is None else known.broker, []).append(account)
                self._closed_told[account] = None
        return [self._dead(broker, whose, closed, now) for broker, whose in dead.items()]

    def _dead(
        self,
        broker: str,
        whose: Sequence[AccountId],
        closed: Mapping[AccountId, str],
        now: Nanoseconds,
    ) -> Fact:
        why, _ = Counter(closed[one] for one in whose).most_common(1)[0]
        text = f"{len(whose)} accounts at {plain(broker)} are closed, first {plain(whose[0])}: {plain(why)}"
        return Fact(AlertKind.DEAD_LOGIN, broker, text, now, tuple(whose[:SKIPS_LOOKED_AT_MAX]))
