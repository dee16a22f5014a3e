"""Clients, the accounts we trade for them, and the books those accounts keep."""

from collections.abc import Container
from enum import IntEnum
from typing import TypeAlias

import msgspec

from phalanx.domain.numbers import Money

AccountId: TypeAlias = str
BookId: TypeAlias = str
"""``ACCOUNT/P`` or ``ACCOUNT/L``: one account in one mode. Paper and live never mix."""


class Mode(IntEnum):
    """Which book an account's new instructions go to."""

    PAPER = 1
    LIVE = 2


PAPER_BROKER = "paper"
"""The broker, and its one login, of everything on paper."""

_MODES = {"P": Mode.PAPER, "L": Mode.LIVE}
# By a mode's number: every order asks for its book, and an f-string over a dict takes three times as long.
_ENDINGS = ("", "/P", "/L")


def book_id(account: AccountId, mode: Mode) -> BookId:
    """The identity of one book."""
    return account + _ENDINGS[mode]


def split_book(book: BookId) -> tuple[AccountId, Mode]:
    """Account and mode of a book. Raises KeyError for a text that names no book."""
    account, _, letter = book.rpartition("/")
    return account, _MODES[letter]


def new_account_id(broker: str, client_id: int, taken: Container[AccountId]) -> AccountId:
    """What a client's new account is called: ``PAPER-7``, where that is somebody's ``PAPER-7-2``."""
    wanted = f"{broker.upper()}-{client_id}"
    found, number = wanted, 1
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    return found


def paper_account_id(client_id: int, taken: Container[AccountId]) -> AccountId:
    """The same of a paper account."""
    return new_account_id("paper", client_id, taken)


class Client(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A person or firm we act for."""

    id: int
    name: str
    active: bool = True
    created_at: int = 0


class FillProfile(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How the paper broker treats an account's orders. Durations in milliseconds, shares in basis points.

    ``filled_bps`` of the quantity is filled, in ``slices`` equal parts spread over
    ``fill_duration_ms`` after the acknowledgement; what is left keeps working. A market order
    fills ``slippage_bps`` worse than the last price, never beyond its protected price.
    ``reject_bps`` of orders are rejected. Faults: ``lost_ack_bps`` of requests never get their answer,
    and are carried out all the same; of ``duplicate_report_bps`` of orders every report comes twice;
    with ``dropped_socket_bps`` of acceptances the account's session is cut for a moment, and what
    happens meanwhile is only in the book. All draws come from ``seed`` and the ClOrdID (of a cancel or
    replace: its request's id).
    """

    ack_delay_ms: int = 0
    fill_duration_ms: int = 0
    filled_bps: int = 10_000
    slices: int = 1
    slippage_bps: int = 0
    reject_bps: int = 0
    seed: int = 0
    lost_ack_bps: int = 0
    duplicate_report_bps: int = 0
    dropped_socket_bps: int = 0


class RateLimit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """At most ``count`` broker requests in any window of ``window_ms``; ``reserved`` of them only for
    cancels and exits. A count of zero means the broker declares no limit.
    """

    count: int = 0
    window_ms: int = 1_000
    reserved: int = 0


class LivePlace(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where an account trades when it is live; without a ``broker`` nowhere. ``client_code``: what the broker
    calls it, where one login serves many.
    """

    broker: str = ""
    login: str = ""
    client_code: str = ""


class Account(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A client code traded through a login. Refers to credentials by login name, never carries them.

    ``broker`` and ``login``: where it trades now. ``live``: where it does so once it is switched to live;
    its paper book is always the paper broker's. ``charge_bps``: what a trade costs, in basis points of its
    value: the estimate that a hold contains, and on paper the charge itself.
    """

    id: AccountId
    client_id: int
    broker: str = PAPER_BROKER
    login: str = PAPER_BROKER
    mode: Mode = Mode.PAPER
    enabled: bool = True
    primary: bool = True
    currency: str = "INR"
    charge_bps: int = 0
    rate_limit: RateLimit = RateLimit()
    fill_profile: FillProfile = FillProfile()
    reserve: Money = 0
    live: LivePlace = LivePlace()

    @property
    def book(self) -> BookId:
        """The book that new instructions go to."""
        return self.id + _ENDINGS[self.mode]
