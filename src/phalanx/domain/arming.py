"""Arming: that a person said, for the rest of the trading day, that a live account may take new risk."""

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.time import Nanoseconds


class Armed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An account that is armed: by whom, since when, and until when at most (not including it)."""

    account: AccountId
    actor: str
    time: Nanoseconds
    until: Nanoseconds
    note: str = ""
