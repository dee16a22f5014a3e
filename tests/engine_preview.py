"""A `World` that previews instructions and fires them as a desk does, with pinned prices and seed."""

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import InstructionRequest
from phalanx.domain.instruments import InstrumentKey, Quote
from phalanx.engine import commands as c
from phalanx.engine.context import Context, Pinned
from phalanx.engine.instructions import preview
from phalanx.engine.plans.moved import pinned_quote
from phalanx.engine.snapshot import state_hash
from phalanx.engine.state import State
from tests.engine_world import LOCAL, World


class Looked(msgspec.Struct, frozen=True):
    """What somebody looked at, with what it is fired by."""

    planned: InstructionPlanned
    prints: dict[AccountId, bytes]
    quotes: dict[InstrumentKey, Quote | None]
    seed: int


class PreviewWorld(World):
    """``look`` and ``fire``."""

    def __init__(self) -> None:
        self._pinned: Looked | None = None
        self._refuse = False
        super().__init__()

    def context(self) -> Context:
        context = super().context()
        looked = self._pinned
        if looked is None:
            return context
        return msgspec.structs.replace(
            context,
            quote=pinned_quote(looked.quotes, self.quotes.get),
            seed=looked.seed,
            pinned=Pinned(looked.prints, self.quotes.get, self._refuse),
        )

    def look(self, request: InstructionRequest) -> Looked:
        """Preview it; nothing changes by that."""
        before = state_hash(self.state)
        planned, prints = preview(self.state, c.Submit(LOCAL, request), self.context())
        assert state_hash(self.state) == before
        return Looked(planned, prints, dict(self.quotes), self.seed)

    def fire(self, looked: Looked, *, refuse: bool = False) -> InstructionPlanned:
        """Fire what was looked at. Raises Refused."""
        self._pinned, self._refuse = looked, refuse
        try:
            return self.one(c.Submit(LOCAL, looked.planned.request), InstructionPlanned)
        finally:
            self._pinned = None


def outcomes(state: State, planned: InstructionPlanned) -> dict[AccountId, list[object]]:
    """By account, what comes of it: terms, cancels and reasons, without ids."""
    found: dict[AccountId, list[object]] = {}
    for draft in planned.orders:
        terms = msgspec.structs.replace(draft, cl_ord_id="")
        found.setdefault(state.books[draft.book].account, []).append(terms)
    for cancel in planned.cancels:
        account = state.books[cancel.book].account
        found.setdefault(account, []).append(("cancel", cancel.cl_ord_id, cancel.resell))
    for skip in planned.skips:
        found.setdefault(skip.account, []).append(skip)
    return found
