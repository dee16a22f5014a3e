"""Answers of the doors that make instructions, rendered from the planning event alone.

The same event gives the same answer for ever: a repeat under an idempotency key is rendered from
the event that was read back. Only the client's name is looked up; it belongs to the account.
"""

from collections.abc import Iterator

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import KINDS
from phalanx.domain.instruments import split_key
from phalanx.domain.numbers import format_fixed
from phalanx.domain.orders import OrderDraft, OrdType, Product, Side
from phalanx.domain.reasons import Reason
from phalanx.engine.state import State

# Looked up: an enum member's name is computed each time it is asked for.
_SIDES = {side: side.name for side in Side}
_PRODUCTS = {product: product.name for product in Product}
_ORD_TYPES = {ord_type: ord_type.name for ord_type in OrdType}

ACCEPTED = "ACCEPTED"
REJECTED = "REJECTED"


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
    """ACCEPTED when at least one order (or the cancel of an unfilled buy) was journaled."""

    response: str
    reason: str | None
    message: str | None
    instruction_id: str
    outcomes: list[SignalOutcome]


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What an instruction came to for one account; the terms are those of the order, if there is one."""

    client: str
    client_id: int
    account: str
    status: str
    reason: str | None = None
    message: str | None = None
    order_id: str | None = None
    quantity: str | None = None
    price: str | None = None
    side: str | None = None
    product: str | None = None
    type: str | None = None


class PlannedInstruction(msgspec.Struct, frozen=True, gc=False):
    """An instruction as it was planned. ``status`` is WORKING or REJECTED; ``instrument`` is the
    caller's own name for it. MARKET orders carry the protected price they may trade at.
    """

    instruction_id: str
    kind: str
    status: str
    reason: str | None
    message: str | None
    instrument: str
    symbol: str | None
    exchange: str | None
    token_id: str | None
    outcomes: list[Outcome]


def create_order_answer(event: InstructionPlanned, state: State) -> CreateOrderAnswer:
    """The answer of POST /create_order."""
    code, sentence = _said(event.refusal)
    return CreateOrderAnswer(
        ACCEPTED if event.refusal is None else REJECTED,
        code,
        sentence,
        event.instruction_id,
        [
            SignalOutcome(*_client_of(state, end.account), end.status, *end.said, end.order_id)
            for end in _ends(event, state)
        ],
    )


def instruction_answer(event: InstructionPlanned, state: State) -> PlannedInstruction:
    """The answer of POST /api/v1/instructions."""
    code, sentence = _said(event.refusal)
    facts = event.instruments[0] if event.instruments else None
    exchange, token = split_key(facts.key) if facts is not None else ("", "")
    return PlannedInstruction(
        event.instruction_id,
        KINDS[type(event.request)],
        "WORKING" if event.refusal is None else REJECTED,
        code,
        sentence,
        event.request.instrument,
        facts.symbol if facts is not None else None,
        exchange or None,
        token or None,
        [
            Outcome(
                *_client_of(state, end.account),
                end.status,
                *end.said,
                end.order_id,
                *_terms(end.draft),
            )
            for end in _ends(event, state)
        ],
    )


class _End(msgspec.Struct, frozen=True, gc=False):
    """One account's outcome; ``said``: code and sentence."""

    account: AccountId
    status: str
    said: tuple[str | None, str | None] = (None, None)
    order_id: str | None = None
    draft: OrderDraft | None = None


def _ends(event: InstructionPlanned, state: State) -> Iterator[_End]:
    """One outcome per account: its order, else the buy that was cancelled for it, else its skip."""
    books = state.books
    seen: set[AccountId] = set()
    for draft in event.orders:
        account = books[draft.book].account
        if account not in seen:
            seen.add(account)
            yield _End(account, ACCEPTED, order_id=draft.cl_ord_id, draft=draft)
    for cancel in event.cancels:
        account = books[cancel.book].account
        if account not in seen:
            seen.add(account)
            yield _End(account, ACCEPTED, order_id=cancel.cl_ord_id)
    for skip in event.skips:
        if skip.account not in seen:
            yield _End(skip.account, REJECTED, _said(skip.reason))


def _client_of(state: State, account: AccountId) -> tuple[str, int, AccountId]:
    client_id = state.accounts[account].client_id
    return state.clients[client_id].name, client_id, account


def _said(reason: Reason | None) -> tuple[str | None, str | None]:
    return (None, None) if reason is None else (reason.code.value, str(reason))


def _terms(draft: OrderDraft | None) -> tuple[str | None, ...]:
    if draft is None:
        return ()
    return (
        format_fixed(draft.quantity),
        format_fixed(draft.limit),
        _SIDES[draft.side],
        _PRODUCTS[draft.product],
        _ORD_TYPES[draft.ord_type],
    )
