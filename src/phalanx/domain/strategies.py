"""Strategies, and the subscriptions that tie accounts to them."""

from enum import IntEnum

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Fixed
from phalanx.domain.orders import OrdType, Product


class Sizing(IntEnum):
    """How a subscription turns a BUY signal into a quantity."""

    FIXED_QUANTITY = 1
    FIXED_CASH = 2
    CASH_SHARE = 3


class SellScope(IntEnum):
    """Whose lots a SELL signal may close: any strategy's of the book, or only the named one's."""

    ACCOUNT = 1
    STRATEGY = 2


class SizingRule(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``amount`` is units for FIXED_QUANTITY (zero: one lot), money for FIXED_CASH, and basis points
    (a plain integer) of the available cash for CASH_SHARE.
    """

    sizing: Sizing = Sizing.FIXED_QUANTITY
    amount: Fixed = 0


class Strategy(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A name and the instruments it trades by default."""

    name: str
    instruments: tuple[InstrumentKey, ...]
    enabled: bool = True


class Subscription(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An account's tie to a strategy; ``instruments`` None means the strategy's own list.

    ``sell_scope`` None is allowed on paper only and means ACCOUNT; a live one must choose.
    """

    account: AccountId
    strategy: str
    instruments: tuple[InstrumentKey, ...] | None = None
    sizing: SizingRule = SizingRule()
    product: Product = Product.DELIVERY
    ord_type: OrdType = OrdType.MARKET
    sell_scope: SellScope | None = None
    enabled: bool = True
