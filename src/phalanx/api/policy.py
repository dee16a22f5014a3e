"""Who may come through a door: what it asks for, and how much of the book is behind it.

Every `exchange.Door` has one, and there is no default: a door nobody thought about is not built.
``docs/security.md`` is generated from them.
"""

from enum import StrEnum
from typing import Final

import msgspec

from phalanx.domain.access import Permission, Principal


class Behind(StrEnum):
    """What is behind a door for those who may see a part of the book only: clients, and fenced keys."""

    ALL = "all"
    """Everybody's: they are refused."""
    REACH = "reach"
    """Their own part: the handler keeps to ``Call.reach``."""
    NOTHING = "nothing"
    """Nothing of anybody's book."""


class Policy(msgspec.Struct, frozen=True):
    """What a door asks of whoever comes: one of ``permissions``; where there are none, that they are known,
    or with ``is_public`` not even that. ``opened_by``: the setting that makes it public.
    ``owing_password``: it is where a password is changed that was given for once.
    """

    permissions: frozenset[Permission]
    behind: Behind
    is_public: bool = False
    opened_by: str = ""
    owing_password: bool = False

    def admits(self, principal: Principal) -> bool:
        """Whether somebody may come through."""
        return self.permits(principal) and (self.behind is not Behind.ALL or principal.sees_all)

    def permits(self, principal: Principal) -> bool:
        """Whether they have a permission for it, however much of the book they see."""
        return not self.permissions or not self.permissions.isdisjoint(principal.permissions)


def _one_of(*permissions: Permission, behind: Behind = Behind.ALL, opened_by: str = "") -> Policy:
    return Policy(frozenset(permissions), behind, opened_by=opened_by)


_P = Permission
_OWN, _NOTHING = Behind.REACH, Behind.NOTHING

PUBLIC: Final = Policy(frozenset(), _NOTHING, is_public=True)
KNOWN: Final = _one_of(behind=_NOTHING)
"""Whoever has logged in: what is behind it is about themselves."""
OWING: Final = Policy(frozenset(), _NOTHING, owing_password=True)
"""The same, also while they have to change their password first."""
DOCS: Final = _one_of(_P.READ, behind=_NOTHING, opened_by="docs_open")
MEASURE: Final = _one_of(_P.METRICS, behind=_NOTHING, opened_by="metrics_open")

READ: Final = _one_of(_P.READ)
READ_OWN: Final = _one_of(_P.READ, behind=_OWN)
READ_MARKET: Final = _one_of(_P.READ, behind=_NOTHING)
"""Instruments and prices, which are everybody's."""

TRADE: Final = _one_of(_P.TRADE)
TRADE_OWN: Final = _one_of(_P.TRADE, behind=_OWN)
CANCEL: Final = _one_of(_P.TRADE, _P.STOP)
CANCEL_OWN: Final = _one_of(_P.TRADE, _P.STOP, behind=_OWN)
STOP: Final = _one_of(_P.STOP)
STOP_OWN: Final = _one_of(_P.STOP, behind=_OWN)
APPROVE: Final = _one_of(_P.APPROVE)
MANAGE: Final = _one_of(_P.MANAGE)
ADMINISTER: Final = _one_of(_P.ADMIN)
