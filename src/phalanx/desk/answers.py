"""What the desk says to those who ask it."""

from collections.abc import Mapping

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.events import Event


class Executed(msgspec.Struct, frozen=True):
    """What a command came to. ``replayed``: its idempotency key was used before, and ``events`` are
    the first event of that first time, read back.
    """

    events: tuple[Event, ...]
    seq: int
    replayed: bool = False


class Readiness(msgspec.Struct, frozen=True):
    """Whether the desk takes instructions, and which accounts do not, with why. ``kill_flag``: what is
    wrong with the flag of `kill --direct`; empty where nothing is.
    """

    ready: bool
    seq: int
    epoch: int
    accounts: Mapping[AccountId, str]
    stopped: str | None = None
    kill_flag: str = ""
