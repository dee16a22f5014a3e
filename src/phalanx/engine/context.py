"""What a decision may know besides the state: a frozen picture of the outside, taken by the shell."""

from collections.abc import Callable, Mapping

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.instruments import (
    AmbiguousName,
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    Quote,
)
from phalanx.domain.sessions import Calendar
from phalanx.domain.time import Nanoseconds
from phalanx.engine.refused import Refused
from phalanx.engine.state import State


class Pinned(msgspec.Struct, frozen=True, gc=False):
    """What a preview saw, for firing from it.

    ``prints``: how each account that its plan touched stood, and what it came to
    (``engine.plans.moved``). ``live``: the prices of now, which must be within the collar of the
    preview's. ``refuse``: one account that moved refuses everything, instead of being left out.
    """

    prints: Mapping[AccountId, bytes]
    live: Callable[[InstrumentKey], Quote | None]
    refuse: bool = False


class Context(msgspec.Struct, frozen=True, gc=False):
    """Now (UTC ns), the instruments and quotes of this moment, what brokers can do, and chance.

    ``seed`` shuffles the accounts and is journaled with the plan. ``closed`` names accounts that
    are not open yet (not reconciled, session down), each with why. ``pinned``: the preview that
    the instruction is fired from; then ``quote`` gives the preview's prices. ``calendar``: the exchange's
    days as they were published; without it nothing is known of phases, and nothing is held to them.
    """

    now: Nanoseconds
    instruments: InstrumentIndex
    quote: Callable[[InstrumentKey], Quote | None]
    capabilities: Mapping[str, Capabilities]
    seed: int = 0
    closed: Mapping[AccountId, str] = {}
    pinned: Pinned | None = None
    calendar: Calendar | None = None


def find_instrument(state: State, context: Context, name: str) -> Instrument | None:
    """Exact symbol, alias, ``EXCHANGE:TOKEN``, bare token, then a local paper instrument.

    Raises Refused(``AMBIGUOUS_TOKEN``) for a bare token that exists on several exchanges.
    """
    try:
        found = context.instruments.resolve(name)
    except AmbiguousName as ambiguous:
        raise Refused("AMBIGUOUS_TOKEN", f"{name} exists as {', '.join(ambiguous.keys)}") from None
    if found is not None:
        return found
    return state.local_instruments.get(name) or state.local_instruments.get(f"LOCAL:{name}")
