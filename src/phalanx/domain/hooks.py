"""Sources of inbound webhooks: who may send alerts, how they are known, and what an alert becomes.

Reference data, and so journaled: there is no secret in it. Secrets are sealed in the vault, under the
login of the source (`vault_login`).
"""

from enum import StrEnum
from typing import Final

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Money, Quantity

ACTOR_PREFIX: Final = "hook:"
SECRETS_MAX: Final = 2
"""So many secrets of a source are good at a time: one can be changed without missing an alert."""


class HookMode(StrEnum):
    """What becomes of an alert."""

    AUTO = "auto"
    """It is an instruction at once."""
    ASK = "ask"
    """It is held until a person approves it."""
    OFF = "off"
    """It is answered as if there were no such source."""


class HookVerification(StrEnum):
    """How a sender shows that it knows a secret."""

    HMAC = "hmac"
    """It signs time, nonce and body."""
    PATH_SECRET = "path_secret"  # noqa: S105 -- a way, not a secret
    """It can only call an address: the secret is the last part of that."""


class HookFence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a source may touch; an empty part is no bound. Accounts are those named and those of the
    groups named, by what the groups hold when the alert comes.
    """

    strategies: tuple[str, ...] = ()
    instruments: tuple[InstrumentKey, ...] = ()
    accounts: tuple[AccountId, ...] = ()
    groups: tuple[str, ...] = ()


NO_HOOK_FENCE: Final = HookFence()


class HookCaps(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``per_minute``: alerts that pass. ``quantity_max`` and ``value_max`` are of one order that opens
    risk, None is no cap.
    """

    per_minute: int = 60
    quantity_max: Quantity | None = None
    value_max: Money | None = None


class WordMap(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the values of one field of an alert stand for: (theirs, ours). Others are refused."""

    field: str
    words: tuple[tuple[str, str], ...]


class HookTemplate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How an alert becomes an instruction. ``document``: JSON with ``{{field}}`` in its texts. ``lists``:
    the fields whose text is names with commas between.
    """

    document: str
    values: tuple[WordMap, ...] = ()
    lists: tuple[str, ...] = ()


class HookSource(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One sender of alerts. ``repeat_s``: where it cannot sign, the same alert within so many seconds is
    one; 0: each is one of its own. ``by``: the person who put it last, and answers for what it asks.
    """

    name: str
    mode: HookMode
    verification: HookVerification
    template: HookTemplate
    caps: HookCaps = HookCaps()
    fence: HookFence = NO_HOOK_FENCE
    repeat_s: int = 0
    enabled: bool = True
    note: str = ""
    by: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it takes alerts at all."""
        return self.enabled and self.mode is not HookMode.OFF


def hook_actor(name: str) -> str:
    """The name of a source in the journal; it never looks like a user's."""
    return ACTOR_PREFIX + name


def vault_login(name: str) -> str:
    """Under which login the secrets of a source are sealed."""
    return f"hook/{name}"
