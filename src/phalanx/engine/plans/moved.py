"""What changed between a preview and its firing: those accounts are left out, or nobody is fired.

A preview keeps one print of every account that its plan touches or skips: how the account stands,
and what it comes to. Firing plans again, at the preview's prices and seed, and compares.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.instructions import Skip
from phalanx.domain.instruments import InstrumentKey, Quote
from phalanx.domain.kills import scopes_over
from phalanx.domain.numbers import BASIS_POINTS
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context, Pinned
from phalanx.engine.ids import new_cl_ord_id, new_request_id
from phalanx.engine.limits import limit_for
from phalanx.engine.plans.plan import Plan
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

WHO = "who it is for"
STANDING = "cash, holdings, orders or limits"
OUTCOME = "what it comes to"

_HALF_BYTES = 16

_encode = msgspec.msgpack.Encoder().encode


def account_prints(state: State, plan: Plan, strategy: str | None = None) -> dict[AccountId, bytes]:
    """Of every account in the plan 32 bytes: 16 of how it stands, 16 of what the plan does for it.

    How it stands is its record, its book, its limits (with ``strategy``, of that one too), the kills
    over it and the settings. Prices are no part of it, and neither are ids and the facts of reasons.
    """
    shared = _encode(state.settings)

    def standing(account_id: AccountId) -> bytes:
        account = state.accounts.get(account_id)
        if account is None:
            return bytes(_HALF_BYTES)
        limit = limit_for(state, account, strategy)
        kills = [one for one in scopes_over(account, strategy) if one.key in state.kills]
        own = (account, state.books[account.book], limit, kills)
        return _digest(shared + _encode(own))

    return {
        account: standing(account) + _digest(_encode(outcome))
        for account, outcome in _outcomes(state, plan).items()
    }


def pinned_quote(
    quotes: Mapping[InstrumentKey, Quote | None], live: Callable[[InstrumentKey], Quote | None]
) -> Callable[[InstrumentKey], Quote | None]:
    """The preview's prices, as fresh as those of now are; where it asked for none, those of now."""

    def quote(key: InstrumentKey) -> Quote | None:
        latest = live(key)
        if key not in quotes:
            return latest
        seen = quotes[key]
        if seen is None or latest is None:
            return seen
        return msgspec.structs.replace(seen, time=latest.time)

    return quote


def leave_out_moved(
    state: State, context: Context, plan: Plan, strategy: str | None = None
) -> None:
    """Take everything out of the plan that is for accounts which are not as they were previewed.

    Each of them is skipped once, with what moved. What stays is, account by account, what the
    preview showed. Raises Refused ``MOVED`` with the differences where the preview's firing is to be
    all or nothing.
    """
    pinned = context.pinned
    assert pinned is not None
    moved = _moved(state, context, plan, pinned, strategy)
    if not moved:
        return
    skips = [Skip(account, Reason(ReasonCode.MOVED, (what,))) for account, what in moved.items()]
    if pinned.refuse:
        total = len(moved.keys() | pinned.prints)
        detail = f"{len(moved)} of {total} accounts are not as they were previewed"
        raise Refused("MOVED", detail, [f"{skip.account}: {skip.reason}" for skip in skips])
    books = state.books
    plan.orders[:] = [d for d in plan.orders if books[d.book].account not in moved]
    plan.cancels[:] = [c for c in plan.cancels if books[c.book].account not in moved]
    plan.skips[:] = [s for s in plan.skips if s.account not in moved] + skips
    _renumber(state, plan)
    if plan.refusal is None and not plan.orders and not plan.cancels:
        plan.refusal = Reason(ReasonCode.NOTHING_VALID)


def _outcomes(state: State, plan: Plan) -> dict[AccountId, list[object]]:
    """What the plan does for each account, without what differs each time it is asked: ids of its own,
    whether an order to be cancelled was sent meanwhile, and facts such as the age of a price.
    """
    found: dict[AccountId, list[object]] = {}
    for draft in plan.orders:
        account = state.books[draft.book].account
        found.setdefault(account, []).append(msgspec.structs.replace(draft, cl_ord_id="", lot=""))
    for cancel in plan.cancels:
        account = state.books[cancel.book].account
        found.setdefault(account, []).append((cancel.cl_ord_id, cancel.resell))
    for skip in plan.skips:
        said = (skip.reason.code, skip.instrument, skip.row)
        found.setdefault(skip.account, []).append(said)
    return found


def _digest(encoded: bytes) -> bytes:
    return blake2b(encoded, digest_size=_HALF_BYTES).digest()


def _moved(
    state: State, context: Context, plan: Plan, pinned: Pinned, strategy: str | None
) -> dict[AccountId, str]:
    """Who moved, and what of it; those of the preview first."""
    prints = account_prints(state, plan, strategy)
    moved: dict[AccountId, str] = {}
    for account in {**pinned.prints, **prints}:
        what = _difference(pinned.prints.get(account), prints.get(account))
        if what:
            moved[account] = what
    priced = _out_of_collar(state, context, pinned, {draft.instrument for draft in plan.orders})
    if priced:
        symbols = {facts.key: facts.symbol for facts in plan.instruments}
        for draft in plan.orders:
            if draft.instrument in priced:
                account = state.books[draft.book].account
                moved.setdefault(account, f"the price of {symbols[draft.instrument]}")
    return moved


def _difference(before: bytes | None, after: bytes | None) -> str:
    if before == after:
        return ""
    if before is None or after is None:
        return WHO
    return OUTCOME if before[:_HALF_BYTES] == after[:_HALF_BYTES] else STANDING


def _out_of_collar(
    state: State, context: Context, pinned: Pinned, keys: Iterable[InstrumentKey]
) -> set[InstrumentKey]:
    """Those whose price of now is too far from the preview's, or is not known any more."""
    found = set()
    for key in keys:
        seen, latest = context.quote(key), pinned.live(key)
        assert seen is not None, f"{key} was planned without a price"
        allowed = seen.last * state.settings.collar_bps // BASIS_POINTS
        if latest is None or abs(latest.last - seen.last) > allowed:
            found.add(key)
    return found


def _renumber(state: State, plan: Plan) -> None:
    """Ids without gaps again: applying the plan counts its orders and cancels."""
    desk = state.desk_id, state.shard
    ids = {
        draft.cl_ord_id: new_cl_ord_id(*desk, number)
        for number, draft in enumerate(plan.orders, state.next_order)
    }
    plan.orders[:] = [
        msgspec.structs.replace(
            draft, cl_ord_id=ids[draft.cl_ord_id], lot=ids[draft.lot] if draft.lot else ""
        )
        for draft in plan.orders
    ]
    plan.cancels[:] = [
        msgspec.structs.replace(cancel, request_id=new_request_id(*desk, number))
        for number, cancel in enumerate(plan.cancels, state.next_request)
    ]
