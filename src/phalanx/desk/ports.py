"""What the desk is given: the outside, as it meets it."""

from collections.abc import Callable, Mapping

import msgspec

from phalanx.brokers.port import Broker
from phalanx.domain.instruments import InstrumentKey, Quote
from phalanx.domain.time import Clock, Random, Timer
from phalanx.journal.port import Journal


class Ports(msgspec.Struct, frozen=True):
    """The outside, as the desk meets it; wired in ``bootstrap`` or by a simulation."""

    journal: Journal
    clock: Clock
    timer: Timer
    random: Random
    brokers: Mapping[str, Broker]
    quote: Callable[[InstrumentKey], Quote | None]
