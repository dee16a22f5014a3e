"""What the tests of priority_buys begin with."""

from typing import Any

import msgspec

from phalanx.domain.allocation import ListAllocation
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import PriorityBuyRequest
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import format_fixed
from tests.engine_world import World


def one_client() -> World:
    """One client with 10,000 rupees; every stock costs 101 at the limit that will be sent."""
    world = World()
    world.account(1, "10000")
    return world


def listed(instrument: Instrument, key: str, isin: str = "", symbol: str = "") -> Instrument:
    """The same again under another key."""
    exchange, token = key.split(":")
    return msgspec.structs.replace(
        instrument,
        key=key,
        exchange=exchange,
        token=token,
        isin=isin,
        symbol=symbol or instrument.symbol,
    )


def spend(world: World, *instruments: str, **terms: Any) -> InstructionPlanned:  # noqa: ANN401  many kinds of terms
    """A priority_buy; ``terms`` are the request's, or its allocation's."""
    own = {key: terms.pop(key) for key in list(terms) if key in ListAllocation.__struct_fields__}
    return world.submit(
        PriorityBuyRequest(instruments=instruments, allocation=ListAllocation(**own), **terms)
    )


def bought(planned: InstructionPlanned) -> list[tuple[str, str]]:
    return [(draft.instrument, format_fixed(draft.quantity)) for draft in planned.orders]


def skipped(planned: InstructionPlanned) -> list[tuple[str, int]]:
    return [(skip.reason.code.value, skip.row) for skip in planned.skips]
