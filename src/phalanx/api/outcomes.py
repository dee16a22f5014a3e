"""Answers of the doors that make instructions, rendered from the instruction's event alone.

The same event gives the same answer for ever: a repeat under an idempotency key is rendered from
the event that was read back. Only the client's name is looked up; it belongs to the account.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TypeAlias

import msgspec

from phalanx.api.account_sums import AccountSum, SumOfAll, charges_of, plan_sums
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import (
    KINDS,
    CancelDraft,
    ExitRequest,
    OrderRequest,
    SignalRequest,
    Skip,
    WaitsFor,
    called_instrument,
)
from phalanx.domain.instruments import InstrumentFacts, InstrumentKey, split_key
from phalanx.domain.numbers import Money, format_fixed
from phalanx.domain.orders import OrderDraft, OrdType, Product, Side
from phalanx.domain.reasons import Reason
from phalanx.domain.time import Nanoseconds, iso
from phalanx.engine.state import State

# Looked up: an enum member's name is computed each time it is asked for.
_SIDES = {side: side.name for side in Side}
_PRODUCTS = {product: product.name for product in Product}
_ORD_TYPES = {ord_type: ord_type.name for ord_type in OrdType}

ACCEPTED = "ACCEPTED"
REJECTED = "REJECTED"
WORKING = "WORKING"
HELD = "HELD"

OUTCOMES_MAX = 2_000
"""So many outcomes are listed; GET /api/v1/instructions/{id} has all of them."""


class SignalOutcome(msgspec.Struct, frozen=True, gc=False):
    """What a signal came to for one account. ``reason`` is a code, ``message`` its sentence."""

    client: str
    client_id: int
    account: str
    status: str
    reason: str | None = None
    message: str | None = None
    order_id: str | None = None


class CreateOrderAnswer(msgspec.Struct, frozen=True, gc=False, rename={"response": "RESPONSE"}):
    """ACCEPTED when at least one order (or the cancel of an unfilled buy) was journaled; or when the signal
    is held until another person approves it, which ``reason`` says: then there are no outcomes yet.
    """

    response: str
    reason: str | None
    message: str | None
    instruction_id: str
    outcomes: list[SignalOutcome]


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What an instruction came to for one account, or for one order, cancel or skip of it. The terms
    are those of the order, if there is one; of a cancel ``order_id`` is the cancelled order's.
    ``row``: the place in the basket or list, from 1. ``charges`` (estimated) and ``cash_after`` are a
    preview's. ``cash_after``: the account's cash available after what its buys set aside; proceeds of sells
    come with their fills; null for a key with a fence of strategies or instruments. Of an order that is cut
    into slices at the freeze quantity, where there is one outcome for each account, ``quantity`` and
    ``charges`` are those of all slices and ``order_id`` is the first's; the instruction lists the others.
    """

    client: str
    client_id: int | None
    account: str
    status: str
    reason: str | None = None
    message: str | None = None
    order_id: str | None = None
    instrument: str | None = None
    symbol: str | None = None
    row: int | None = None
    quantity: str | None = None
    price: str | None = None
    stop_price: str | None = None
    side: str | None = None
    product: str | None = None
    type: str | None = None
    charges: str | None = None
    cash_after: str | None = None


class Counts(msgspec.Struct, frozen=True, gc=False):
    """How many orders and cancels were planned, and what was left out."""

    orders: int
    cancels: int
    skips: int


class PlannedInstruction(msgspec.Struct, frozen=True, gc=False):
    """An instruction as it was planned. ``status`` is WORKING, REJECTED, or HELD: then it ``waits_for`` its
    ``time`` (``fire_at``), or for ``approval`` by another person, which may come until ``approve_by``.
    Until ``undo_until`` its orders that may open risk stand HELD, and a cancel ends them unsent.
    ``instrument`` is the caller's own name for it, null where there are several. MARKET orders carry
    the protected price they may trade at. A signal and an order have one outcome for each account,
    other kinds one for each order, cancel and skip; at most 2,000 of ``outcomes_total`` are listed.
    """

    instruction_id: str | None
    kind: str
    status: str
    reason: str | None
    message: str | None
    instrument: str | None
    symbol: str | None
    exchange: str | None
    token_id: str | None
    fire_at: str | None
    parent: str | None
    follow_up: str | None
    counts: Counts
    outcomes: list[Outcome]
    outcomes_total: int
    waits_for: str | None = None
    approve_by: str | None = None
    undo_until: str | None = None


class PreviewedInstruction(PlannedInstruction, frozen=True, gc=False, kw_only=True):
    """What an instruction would come to. It and its orders have no ids: nothing was done. Fired with
    ``token`` before ``expires_at`` it comes to exactly this, save for accounts that moved. Both are
    null when there is neither an order nor a cancel to fire. ``accounts`` has every account and
    ``totals`` are of the whole plan, also where not all outcomes are listed. ``needs_approval``: why it
    would wait for another person, null where it would not.
    """

    token: str | None
    expires_at: str | None
    accounts: list[AccountSum]
    totals: SumOfAll
    needs_approval: str | None = None


def create_order_answer(
    event: InstructionPlanned | InstructionHeld, state: State
) -> CreateOrderAnswer:
    """The answer of POST /create_order."""
    if isinstance(event, InstructionHeld):
        return CreateOrderAnswer(ACCEPTED, *_said(event.cause), event.instruction_id, [])
    code, sentence = _said(event.refusal)
    return CreateOrderAnswer(
        ACCEPTED if event.refusal is None else REJECTED,
        code,
        sentence,
        event.instruction_id,
        [
            SignalOutcome(*_client_of(state, end.account), end.status, *end.said, end.order_id)
            for end in _one_each(event, state)
        ],
    )


def instruction_answer(
    event: InstructionPlanned | InstructionHeld, state: State
) -> PlannedInstruction:
    """The answer of every door that makes instructions."""
    if isinstance(event, InstructionHeld):
        return _held(event, state)
    ends, total = _ends(event, state)
    facts = {one.key: one for one in event.instruments}
    outcomes = [_outcome(state, facts, end) for end in ends]
    return _planned(event, outcomes, total, state)


def preview_answer(
    event: InstructionPlanned,
    state: State,
    token: str,
    expires_at: Nanoseconds,
    cash_after: Mapping[AccountId, Money],
    cause: Reason | None = None,
) -> PreviewedInstruction:
    """The answer of a preview: that of the plan, without ids, with charges and the cash afterwards.
    ``cause``: why it would wait for approval.
    """
    ends, total = _ends(event, state)
    facts = {one.key: one for one in event.instruments}
    outcomes = [_previewed(state, facts, end, cash_after) for end in ends]
    planned = msgspec.structs.replace(_planned(event, outcomes, total, state), instruction_id=None)
    accounts, totals = plan_sums(event, state, cash_after)
    return PreviewedInstruction(
        *msgspec.structs.astuple(planned),
        token=token or None,
        expires_at=iso(expires_at, state.settings.zone_offset_s) if token else None,
        accounts=accounts,
        totals=totals,
        needs_approval=None if cause is None else str(cause),
    )


def _planned(
    event: InstructionPlanned, outcomes: list[Outcome], total: int, state: State
) -> PlannedInstruction:
    code, sentence = _said(event.refusal)
    called = called_instrument(event.request)
    facts = event.instruments[0] if event.instruments and _is_about_one(event, called) else None
    exchange, token = split_key(facts.key) if facts is not None else ("", "")
    return PlannedInstruction(
        event.instruction_id,
        KINDS[type(event.request)],
        WORKING if event.refusal is None else REJECTED,
        code,
        sentence,
        called or None,
        facts.symbol if facts is not None else None,
        exchange or None,
        token or None,
        None,
        event.parent or None,
        None if event.follow_up is None else event.follow_up.value,
        Counts(len(event.orders), len(event.cancels), len(event.skips)),
        outcomes,
        total,
        undo_until=iso(event.undo_until, state.settings.zone_offset_s)
        if event.undo_until
        else None,
    )


def _held(event: InstructionHeld, state: State) -> PlannedInstruction:
    zone_offset_s = state.settings.zone_offset_s
    is_asked = event.waits_for is WaitsFor.APPROVAL
    return PlannedInstruction(
        event.instruction_id,
        KINDS[type(event.request)],
        HELD,
        *_said(event.cause),
        called_instrument(event.request) or None,
        None,
        None,
        None,
        iso(event.fire_at, zone_offset_s) if event.fire_at else None,
        event.parent or None,
        None if event.follow_up is None else event.follow_up.value,
        Counts(0, 0, 0),
        [],
        0,
        waits_for=event.waits_for.value,
        approve_by=iso(event.approve_by, zone_offset_s) if is_asked else None,
    )


def _is_about_one(event: InstructionPlanned, called: str) -> bool:
    return bool(called) or (isinstance(event.request, ExitRequest) and bool(event.request.trade))


class _End(msgspec.Struct, frozen=True, gc=False):
    """One outcome; ``said``: code and sentence. ``drafts``: its order, or the slices of it; without one
    ``order_id`` is of an order that is there.
    """

    account: AccountId
    status: str
    said: tuple[str | None, str | None] = (None, None)
    order_id: str | None = None
    drafts: Sequence[OrderDraft] = ()
    instrument: InstrumentKey = ""
    row: int = 0


_Facts: TypeAlias = Mapping[InstrumentKey, InstrumentFacts]


def _ends(event: InstructionPlanned, state: State) -> tuple[Iterable[_End], int]:
    """The outcomes that are listed, and how many there are in all."""
    if isinstance(event.request, SignalRequest | OrderRequest):
        if len(event.orders) == 1 and not event.cancels and not event.skips:
            # A single order, as most are.
            return (_of_order(state.books[event.orders[0].book].account, event.orders),), 1
        found = list(_one_each(event, state))
        return found[:OUTCOMES_MAX], len(found)
    total = len(event.orders) + len(event.cancels) + len(event.skips)
    every = chain(
        (_of_order(state.books[draft.book].account, (draft,)) for draft in event.orders),
        (_of_cancel(state, cancel) for cancel in event.cancels),
        (_of_skip(skip) for skip in event.skips),
    )
    return islice(every, OUTCOMES_MAX), total


def _one_each(event: InstructionPlanned, state: State) -> Iterator[_End]:
    """One outcome per account: its order with all its slices, else the buy that was cancelled for it,
    else its skip.
    """
    slices: dict[AccountId, list[OrderDraft]] = {}
    for draft in event.orders:
        slices.setdefault(state.books[draft.book].account, []).append(draft)
    for account, drafts in slices.items():
        yield _of_order(account, drafts)
    seen = set(slices)
    for cancel in event.cancels:
        end = _of_cancel(state, cancel)
        if end.account not in seen:
            seen.add(end.account)
            yield end
    for skip in event.skips:
        if skip.account not in seen:
            yield _of_skip(skip)


def _of_order(account: AccountId, drafts: Sequence[OrderDraft]) -> _End:
    first = drafts[0]
    return _End(
        account,
        ACCEPTED,
        order_id=first.cl_ord_id,
        drafts=drafts,
        instrument=first.instrument,
        row=first.row,
    )


def _of_cancel(state: State, cancel: CancelDraft) -> _End:
    return _End(state.books[cancel.book].account, ACCEPTED, order_id=cancel.cl_ord_id)


def _of_skip(skip: Skip) -> _End:
    said = _said(skip.reason)
    return _End(skip.account, REJECTED, said, instrument=skip.instrument, row=skip.row)


def _outcome(state: State, facts: _Facts, end: _End) -> Outcome:
    return Outcome(
        *_whose(state, end.account),
        end.status,
        *end.said,
        end.order_id,
        *_names(facts, end.instrument),
        end.row or None,
        *_terms(end.drafts),
    )


def _previewed(
    state: State, facts: _Facts, end: _End, cash_after: Mapping[AccountId, Money]
) -> Outcome:
    cash = cash_after.get(end.account)
    found = msgspec.structs.replace(
        _outcome(state, facts, end), cash_after=None if cash is None else format_fixed(cash)
    )
    if not end.drafts:
        return found
    charge_bps = state.accounts[end.account].charge_bps
    charges = sum(charges_of(draft, charge_bps) for draft in end.drafts)
    return msgspec.structs.replace(found, order_id=None, charges=format_fixed(charges))


def _client_of(state: State, account: AccountId) -> tuple[str, int, AccountId]:
    client_id = state.accounts[account].client_id
    return state.clients[client_id].name, client_id, account


def _whose(state: State, account: AccountId) -> tuple[str, int | None, AccountId]:
    """As ``_client_of``; a row of a basket may name somebody that there is not."""
    return _client_of(state, account) if account in state.accounts else ("", None, account)


def _names(facts: _Facts, key: InstrumentKey) -> tuple[str | None, str | None]:
    """The caller's name and the symbol; of what was not priced, its key, which is what there is."""
    found = facts.get(key)
    if found is None:
        return key or None, None
    return found.called or found.symbol, found.symbol


def _said(reason: Reason | None) -> tuple[str | None, str | None]:
    return (None, None) if reason is None else (reason.code.value, str(reason))


def _terms(drafts: Sequence[OrderDraft]) -> tuple[str | None, ...]:
    """Of an order and its slices, which differ in nothing but their quantities."""
    if not drafts:
        return ()
    draft = drafts[0]
    return (
        format_fixed(sum(one.quantity for one in drafts)),
        format_fixed(draft.limit),
        format_fixed(draft.stop_price) if draft.stop_price else None,
        _SIDES[draft.side],
        _PRODUCTS[draft.product],
        _ORD_TYPES[draft.ord_type],
    )
