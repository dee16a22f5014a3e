"""Previews: what an instruction would come to now, kept for a while so that just that can be fired."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping

import msgspec

from phalanx.desk.commit import encoded
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import InstructionRequest, rows_of
from phalanx.domain.instruments import InstrumentKey, Quote
from phalanx.domain.numbers import Money
from phalanx.domain.reasons import Reason
from phalanx.domain.time import SECOND, Clock, Nanoseconds, Random
from phalanx.engine.commands import Submit
from phalanx.engine.context import Context, Pinned
from phalanx.engine.held.approval import approval_cause
from phalanx.engine.instructions import preview
from phalanx.engine.plans.moved import pinned_quote
from phalanx.engine.refused import Refused
from phalanx.engine.risk import available_cash
from phalanx.engine.state import State

KEPT_NS: Nanoseconds = 120 * SECOND
"""How long a token is good for."""

_KEPT_S = KEPT_NS // SECOND
_UNKNOWN = f"no preview has this token; they are kept for {_KEPT_S} s, and over no restart"

PREVIEWS_MAX = 256

WEIGHT_MAX = 200_000
"""Orders, cancels, skips and rows of all kept previews together; the newest preview is kept whatever its
size.
"""

TOKEN_BYTES = 18

GONE_MAX = 4_096
"""Of so many tokens that fire nothing any more is it known why, the latest."""


class Previewed(msgspec.Struct, frozen=True):
    """What an instruction would come to. ``planned`` has no id; nothing of it is journaled.

    ``expires_at``: wall time until which ``token`` fires just this; the token is empty when there is
    nothing to fire, neither an order nor a cancel. ``cash_after``: of every account
    in the plan, what it could still spend once the plan's buys have set their cash aside. ``cause``: why
    it would wait for another person's approval, if it would.
    """

    planned: InstructionPlanned
    token: str
    expires_at: Nanoseconds
    cash_after: Mapping[AccountId, Money]
    cause: Reason | None = None


class _Kept(msgspec.Struct, frozen=True, gc=False):
    """What firing needs of a preview. ``until``: monotonic."""

    actor: str
    asked: object
    request: InstructionRequest
    seed: int
    quotes: Mapping[InstrumentKey, Quote | None]
    prints: Mapping[AccountId, bytes]
    weight: int
    until: Nanoseconds


class Previews:
    """The previews that may still be fired, oldest first; beyond the bounds the oldest goes."""

    def __init__(self, state: State, clock: Clock, random: Random) -> None:
        self._state = state
        self._clock = clock
        self._random = random
        self._kept: dict[str, _Kept] = {}
        self._gone: dict[str, str] = {}
        self._weight = 0

    def make(self, command: Submit, context: Context, asked: object = None) -> Previewed:
        """Plan as ``submit`` would, and keep what it saw under a new token, if there is something to fire.

        ``asked``: what the command was made of. Raises Refused like ``submit``.
        """
        quotes: dict[InstrumentKey, Quote | None] = {}

        def quote(key: InstrumentKey) -> Quote | None:
            if key not in quotes:
                quotes[key] = context.quote(key)
            return quotes[key]

        noting = msgspec.structs.replace(context, quote=quote)
        planned, prints = preview(self._state, command, noting)
        encoded((planned,))
        token = ""
        if planned.orders or planned.cancels:
            token = urlsafe_b64encode(self._random.token(TOKEN_BYTES)).decode()
            kept = _Kept(
                command.origin.actor,
                asked,
                command.request,
                context.seed,
                quotes,
                prints,
                _weight(planned),
                self._clock.monotonic() + KEPT_NS,
            )
            self._keep(token, kept)
        settings = self._state.settings
        cause = approval_cause(settings, command.request, planned.orders, ask=command.ask)
        cash_after = _cash_after(self._state, planned)
        return Previewed(planned, token, context.now + KEPT_NS, cash_after, cause)

    def request_of(self, token: str, actor: str, asked: object) -> InstructionRequest | None:
        """What the actor previewed under the token, if that was made of what is ``asked`` now."""
        kept = self._kept.get(token)
        return None if kept is None or (kept.actor, kept.asked) != (actor, asked) else kept.request

    def pinned(self, command: Submit, token: str, context: Context, *, refuse: bool) -> Context:
        """The context that fires the preview of this token.

        Raises Refused ``PREVIEW_EXPIRED`` (also for a token that nobody has), which says why the token
        is good for nothing, and ``PREVIEW_MISMATCH``.
        """
        self._forget_old()
        kept = self._kept.get(token)
        if kept is None:
            raise Refused("PREVIEW_EXPIRED", self._gone.get(token, _UNKNOWN))
        if (kept.actor, kept.request) != (command.origin.actor, command.request):
            raise Refused("PREVIEW_MISMATCH", "this is not the instruction that was previewed")
        if command.fire_at > context.now:
            raise Refused("PREVIEW_MISMATCH", "what waits for its time is planned at its time")
        return msgspec.structs.replace(
            context,
            quote=pinned_quote(kept.quotes, context.quote),
            seed=kept.seed,
            pinned=Pinned(kept.prints, context.quote, refuse),
        )

    def forget(self, token: str) -> None:
        """The preview was fired."""
        self._drop(token, "it was fired already, and fires once")

    def _drop(self, token: str, why: str) -> None:
        self._weight -= self._kept.pop(token).weight
        self._gone[token] = why
        if len(self._gone) > GONE_MAX:
            del self._gone[next(iter(self._gone))]

    def _keep(self, token: str, kept: _Kept) -> None:
        self._forget_old()
        while self._kept and (
            len(self._kept) >= PREVIEWS_MAX or self._weight + kept.weight > WEIGHT_MAX
        ):
            self._drop(next(iter(self._kept)), _pushed_out())
        self._kept[token] = kept
        self._weight += kept.weight

    def _forget_old(self) -> None:
        now = self._clock.monotonic()
        for token in [token for token, kept in self._kept.items() if kept.until <= now]:
            self._drop(token, f"it is too old: previews are kept for {_KEPT_S} s")


def _pushed_out() -> str:
    return (
        f"newer previews pushed it out: at most {PREVIEWS_MAX} are kept, and of all together "
        f"{WEIGHT_MAX} orders, cancels, skips and rows"
    )


def _weight(planned: InstructionPlanned) -> int:
    """How much is kept for it: what its accounts are to come to, and the request itself."""
    outcomes = len(planned.orders) + len(planned.cancels) + len(planned.skips)
    return outcomes + rows_of(planned.request)


def _cash_after(state: State, planned: InstructionPlanned) -> dict[AccountId, Money]:
    books = state.books
    touched = dict.fromkeys(
        (
            *(books[draft.book].account for draft in planned.orders),
            *(books[cancel.book].account for cancel in planned.cancels),
            *(skip.account for skip in planned.skips if skip.account in state.accounts),
        )
    )
    after = {}
    for account_id in touched:
        account = state.accounts[account_id]
        after[account_id] = available_cash(account, books[account.book])
    for draft in planned.orders:
        after[books[draft.book].account] -= draft.hold
    return after
