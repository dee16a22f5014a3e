"""Limits that a desk sets on top of the settings; where several levels have one, the tightest wins."""

from enum import StrEnum

import msgspec

from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Money, Quantity


class LimitLevel(StrEnum):
    """Whose limit it is. It holds for every single account below that level, not for their sum."""

    GLOBAL = "global"
    GROUP = "group"
    CLIENT = "client"
    ACCOUNT = "account"
    STRATEGY = "strategy"


class Limit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Bounds for every account of one level's ``name`` (a client by its id in digits; empty for GLOBAL).

    ``quantity_max`` and ``value_max`` are of one order, ``position_max`` is held plus still to be
    bought of one instrument, ``orders_per_day_max`` of one account; None: no limit of that kind.
    ``restricted``: no new risk in these instruments.
    """

    level: LimitLevel
    name: str = ""
    quantity_max: Quantity | None = None
    value_max: Money | None = None
    position_max: Quantity | None = None
    orders_per_day_max: int | None = None
    restricted: tuple[InstrumentKey, ...] = ()
