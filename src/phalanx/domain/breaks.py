"""Breaks: where our books and a broker's differ and nobody could explain it. Each is somebody's to settle."""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.numbers import parse_fixed
from phalanx.domain.time import Nanoseconds

BreakId: TypeAlias = str
"""Made of account, kind and subject, so that the same break found again is the same break."""

NOBODY = ""


class BreakKind(StrEnum):
    """What differs."""

    ORDER_IN_DOUBT = "ORDER_IN_DOUBT"
    """An order, or a request on one, was asked about as often as is allowed, without proof."""
    ORDER_MISSING = "ORDER_MISSING"
    """An order works with us and the broker's book does not have it."""
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    """The broker has an order with our tag that the journal does not know: its tail may be lost."""
    ORDER_DIFFERS = "ORDER_DIFFERS"
    """An order stands otherwise at the broker than with us: it works there and ended here, or is changed."""
    FILLED_LESS = "FILLED_LESS"
    """The broker shows less filled of an order than it reported."""
    FILL_UNBOOKABLE = "FILL_UNBOOKABLE"
    """An execution that fits no book: absurd numbers, or of an order that nobody can find."""
    POSITION = "POSITION"
    CASH = "CASH"
    BOOK_UNREADABLE = "BOOK_UNREADABLE"
    """The broker's book could not be read as often as was tried."""


class BreakEnd(StrEnum):
    """How a break was closed."""

    MATCHED = "MATCHED"
    """A later reading agrees."""
    SETTLED = "SETTLED"
    """A person looked at it and says so."""


class Break(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One open difference.

    ``subject``: a ClOrdID, a broker's order id, an execution id, a position's key, or empty. ``ours``
    and ``theirs`` are the two values as text (decimals, statuses). ``reason``: one sentence. ``owner``:
    who has it now; empty while nobody took it. ``deadline``: until when it is to be settled (UTC).
    """

    id: BreakId
    account: AccountId
    kind: BreakKind
    subject: str
    ours: str
    theirs: str
    reason: str
    filed_at: Nanoseconds
    deadline: Nanoseconds
    owner: str = NOBODY
    note: str = ""


_AMOUNTS = frozenset({BreakKind.POSITION, BreakKind.CASH})


def fingerprint(kind: BreakKind, subject: str, ours: str, theirs: str) -> str:
    """Of a difference, or of the break that it became. Amounts that move on together differ as before."""
    if kind in _AMOUNTS:
        return f"{kind}|{subject}|{parse_fixed(theirs) - parse_fixed(ours)}"
    return f"{kind}|{subject}|{ours}|{theirs}"
