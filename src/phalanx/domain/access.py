"""Who somebody is and what they may do: roles, permissions, fences, principals."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from phalanx.domain.hooks import hook_actor


class Permission(StrEnum):
    """What a door may ask for."""

    READ = "read"
    """See: as far as ``sees_client`` and the fence reach."""
    TRADE = "trade"
    """Make instructions, and cancel one's own."""
    STOP = "stop"
    """Kill, and cancel whatever works."""
    MANAGE = "manage"
    """Change reference data and limits."""
    ADMIN = "admin"
    """Users, keys, credentials, audit."""
    METRICS = "metrics"
    """Read the counters of the machine."""
    APPROVE = "approve"
    """Release what another person asked for."""


class Role(StrEnum):
    """What a person is here for."""

    ADMIN = "admin"
    TRADER = "trader"
    VIEWER = "viewer"
    CLIENT = "client"
    """Sees only itself; may place its own orders where ``may_trade`` allows it."""


EVERYTHING: Final = frozenset(Permission)
NO_PERMISSIONS: Final[frozenset[Permission]] = frozenset()
MACHINE_SCOPES: Final = EVERYTHING - {Permission.ADMIN, Permission.APPROVE}
"""What a machine key may be given. Users, keys, credentials and approvals are a person's matter."""

ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.ADMIN: EVERYTHING,
        Role.TRADER: frozenset(
            {Permission.READ, Permission.TRADE, Permission.STOP, Permission.APPROVE}
        ),
        Role.VIEWER: frozenset({Permission.READ}),
        Role.CLIENT: frozenset({Permission.READ}),
    }
)


def permissions_of(role: Role, *, may_trade: bool) -> frozenset[Permission]:
    """What a user may do. ``may_trade`` counts for clients only; the other roles say it themselves."""
    permissions = ROLE_PERMISSIONS[role]
    if role is Role.CLIENT and may_trade:
        return permissions | {Permission.TRADE}
    return permissions


class Fence(msgspec.Struct, frozen=True):
    """What a machine key may touch: names of strategies, keys of instruments, ids of accounts.

    An empty set is no fence. Where there is one, what has no name (an order of no strategy) is outside.
    """

    strategies: frozenset[str] = frozenset()
    instruments: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()

    def allows_strategy(self, strategy: str | None) -> bool:
        """Whether this strategy is inside."""
        return not self.strategies or strategy in self.strategies

    def allows_instrument(self, instrument: str | None) -> bool:
        """Whether this instrument is inside."""
        return not self.instruments or instrument in self.instruments

    def allows_account(self, account: str | None) -> bool:
        """Whether this account is inside."""
        return not self.accounts or account in self.accounts


NO_FENCE: Final = Fence()


class PrincipalKind(StrEnum):
    """How somebody came in."""

    USER = "user"
    MACHINE = "machine"
    LOCAL = "local"
    HOOK = "hook"
    """A source of inbound webhooks, which has shown that it knows its secret."""


class Principal(msgspec.Struct, frozen=True):
    """Whoever asks. ``client_ids`` is None for those who see every client; an empty set sees none.

    ``session`` is the id of a user's session, or of the machine key; empty for ``LOCAL``. ``sponsor``: the
    person who answers for a machine: who made the key, or put the source last.
    """

    name: str
    kind: PrincipalKind
    permissions: frozenset[Permission]
    client_ids: frozenset[int] | None = None
    fence: Fence = NO_FENCE
    session: str = ""
    sponsor: str = ""

    @property
    def may_trade(self) -> bool:
        """Whether they may make instructions at all; of whom, `sees_client` says."""
        return Permission.TRADE in self.permissions

    @property
    def actor(self) -> str:
        """The name in the journal: a machine key's or a webhook's never looks like a user's."""
        if self.kind is PrincipalKind.MACHINE:
            return f"key:{self.name}"
        return hook_actor(self.name) if self.kind is PrincipalKind.HOOK else self.name

    @property
    def sees_all(self) -> bool:
        """Whether nothing of the book is kept from them."""
        return self.client_ids is None and self.fence == NO_FENCE

    def may(self, permission: Permission) -> bool:
        """Whether they have this permission."""
        return permission in self.permissions

    def sees_client(self, client_id: int) -> bool:
        """Whether this client is theirs to see, and to trade for where they may trade."""
        return self.client_ids is None or client_id in self.client_ids


LOCAL: Final = Principal("local", PrincipalKind.LOCAL, EVERYTHING)
"""Whoever is at this machine while ``serve --open-localhost`` asks nobody who they are."""


_MACHINES: Final = ("key:", "hook:")


def is_person(actor: str) -> bool:
    """Whether a name in the journal is a person's: not a machine key's, nor a webhook's."""
    return not actor.startswith(_MACHINES)
