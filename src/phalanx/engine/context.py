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
from phalanx.domain.time import Nanoseconds
from phalanx.engine.refused import Refused
from phalanx.engine.state import State


class Context(msgspec.Struct, frozen=True, gc=False):
    """Now (UTC ns), the instruments and quotes of this moment, what brokers can do, and chance.

    ``seed`` rotates the order of accounts and is journaled with the plan. ``closed`` names accounts
    that are not open yet (not reconciled, session down), each with why.
    """

    now: Nanoseconds
    instruments: InstrumentIndex
    quote: Callable[[InstrumentKey], Quote | None]
    capabilities: Mapping[str, Capabilities]
    seed: int = 0
    closed: Mapping[AccountId, str] = {}


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
