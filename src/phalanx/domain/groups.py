"""What a desk keeps to speak of many at once: groups of accounts, and priority lists of instruments."""

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import SCALE, Fixed


class Member(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An account in a group; quantities of the method ``multiplier`` are times ``multiplier``."""

    account: AccountId
    multiplier: Fixed = SCALE


class Group(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A named set of accounts with a multiplier each."""

    name: str
    members: tuple[Member, ...]


class PriorityList(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A named list of instruments, most wanted first; ``called`` are the names its maker used."""

    name: str
    instruments: tuple[InstrumentKey, ...]
    called: tuple[str, ...] = ()
