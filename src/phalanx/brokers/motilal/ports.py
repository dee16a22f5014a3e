"""What the module is given by whoever wires it."""

from collections.abc import Awaitable, Callable

import msgspec

from phalanx.brokers.motilal.books import LastPrice
from phalanx.brokers.motilal.credentials import Credentials
from phalanx.brokers.motilal.login import AskCode
from phalanx.brokers.motilal.reach import Reach, over_the_network
from phalanx.brokers.motilal.settings import LoginSettings
from phalanx.domain.instruments import Instrument, InstrumentKey
from phalanx.domain.time import Clock, Timer


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """``credentials`` gives those of a login for each new session, and raises OSError where there are none;
    ``last`` is about what an instrument costs, 0 where nobody knows; ``ask_code``, by login, waits for a
    code that was sent to a phone: without it only logins with a TOTP seed come up.
    """

    credentials: Callable[[str], Awaitable[Credentials]]
    instruments: Callable[[InstrumentKey], Instrument | None]
    clock: Clock
    timer: Timer
    last: LastPrice = lambda _key: 0
    ask_code: Callable[[str], AskCode] | None = None
    reach: Callable[[LoginSettings], Reach] = over_the_network
