"""What a plan comes to for each account, and in all: a preview's, which lists no end of outcomes."""

from collections.abc import Mapping

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.numbers import Money, format_fixed, multiply, share_up
from phalanx.domain.orders import OrderDraft
from phalanx.domain.reasons import ReasonCode
from phalanx.engine.state import State


class AccountSum(msgspec.Struct, frozen=True, gc=False):
    """What the plan comes to for one account. ``value``: of its orders, at the prices that they may
    trade at; ``charges`` are estimated; ``cash_after`` is null for an account that there
    is not, and for a key with a fence of strategies or instruments.
    """

    client: str
    client_id: int | None
    account: str
    orders: int
    cancels: int
    skips: int
    value: str
    charges: str
    cash_after: str | None


class SkipReason(msgspec.Struct, frozen=True, gc=False):
    """How often something is left out for this reason, and one of its sentences."""

    reason: str
    message: str
    skips: int


class SumOfAll(msgspec.Struct, frozen=True, gc=False):
    """What the plan comes to in all; ``reasons``: the most frequent first."""

    accounts: int
    orders: int
    cancels: int
    skips: int
    value: str
    charges: str
    reasons: list[SkipReason]


class _Sum(msgspec.Struct, gc=False):
    orders: int = 0
    cancels: int = 0
    skips: int = 0
    value: Money = 0
    charges: Money = 0


def charges_of(draft: OrderDraft, charge_bps: int) -> Money:
    """What an order costs beside its price, if all of it trades at its limit."""
    return share_up(multiply(draft.limit, draft.quantity), charge_bps)


def plan_sums(
    event: InstructionPlanned, state: State, cash_after: Mapping[AccountId, Money]
) -> tuple[list[AccountSum], SumOfAll]:
    """Every account of the plan, in the plan's order; and the whole plan."""
    found: dict[AccountId, _Sum] = {}
    for draft in event.orders:
        account = state.books[draft.book].account
        one = found.setdefault(account, _Sum())
        one.orders += 1
        one.value += multiply(draft.limit, draft.quantity)
        one.charges += charges_of(draft, state.accounts[account].charge_bps)
    for cancel in event.cancels:
        found.setdefault(state.books[cancel.book].account, _Sum()).cancels += 1
    for skip in event.skips:
        found.setdefault(skip.account, _Sum()).skips += 1
    sums = [_shown(state, account, one, cash_after) for account, one in found.items()]
    totals = SumOfAll(
        len(found),
        len(event.orders),
        len(event.cancels),
        len(event.skips),
        format_fixed(sum(one.value for one in found.values())),
        format_fixed(sum(one.charges for one in found.values())),
        _reasons(event),
    )
    return sums, totals


def _reasons(event: InstructionPlanned) -> list[SkipReason]:
    counts: dict[ReasonCode, int] = {}
    sentences: dict[ReasonCode, str] = {}
    for skip in event.skips:
        code = skip.reason.code
        counts[code] = counts.get(code, 0) + 1
        if code not in sentences:
            sentences[code] = str(skip.reason)
    ranked = sorted(counts, key=lambda code: -counts[code])
    return [SkipReason(code.value, sentences[code], counts[code]) for code in ranked]


def _shown(
    state: State, account_id: AccountId, one: _Sum, cash_after: Mapping[AccountId, Money]
) -> AccountSum:
    account = state.accounts.get(account_id)
    cash = cash_after.get(account_id)
    return AccountSum(
        "" if account is None else state.clients[account.client_id].name,
        None if account is None else account.client_id,
        account_id,
        one.orders,
        one.cancels,
        one.skips,
        format_fixed(one.value),
        format_fixed(one.charges),
        None if cash is None else format_fixed(cash),
    )
