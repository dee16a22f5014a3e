"""The broker port: what the desk asks of a broker, and the three ways an answer can come out."""

from collections.abc import Callable
from typing import Protocol, TypeAlias, runtime_checkable

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import (
    ClOrdId,
    ExecutionReport,
    OrdType,
    Product,
    Side,
    TimeInForce,
)
from phalanx.domain.reasons import Reason
from phalanx.domain.time import Nanoseconds

__all__ = [
    "Accepted",
    "Broker",
    "BrokerBook",
    "BrokerKind",
    "CancelRequest",
    "Capabilities",
    "Check",
    "FillsByHand",
    "NeverWritten",
    "Outcome",
    "PlaceRequest",
    "PutsAnswersOff",
    "Refused",
    "ReplaceRequest",
    "ReportListener",
    "SessionListener",
    "TellsEgress",
    "TellsReadiness",
    "Ticket",
    "Unknown",
]


class PlaceRequest(msgspec.Struct, frozen=True, gc=False):
    """One new order as it goes on the wire. ``limit`` is the protected price of a MARKET or STOP order;
    ``stop_price`` the last price at which a STOP or STOP_LIMIT begins to work; ``reduce_only``: an exit,
    which goes before what else waits for a connection.
    """

    cl_ord_id: ClOrdId
    account: AccountId
    instrument: InstrumentKey
    side: Side
    product: Product
    ord_type: OrdType
    time_in_force: TimeInForce
    quantity: Quantity
    limit: Price
    stop_price: Price = 0
    reduce_only: bool = False


class CancelRequest(msgspec.Struct, frozen=True, gc=False):
    """Cancel a working order; both its ids, because brokers differ in which one they want."""

    request_id: str
    cl_ord_id: ClOrdId
    order_id: str
    account: AccountId


class ReplaceRequest(msgspec.Struct, frozen=True, gc=False):
    """Change a working order to this total quantity and this limit; a stop stays where it is."""

    request_id: str
    cl_ord_id: ClOrdId
    order_id: str
    account: AccountId
    quantity: Quantity
    limit: Price


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The broker took it. ``order_id`` is the broker's own."""

    order_id: str


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The broker proved that it did not take it."""

    code: str
    text: str


class NeverWritten(msgspec.Struct, frozen=True, gc=False):
    """Not one byte left; ``again``: the same request may be tried again (no connection, no place)."""

    reason: Reason
    again: bool = False


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """Written, or perhaps written, and no trustworthy answer: never sent again, asked about."""

    text: str


Outcome: TypeAlias = Accepted | Refused | NeverWritten | Unknown


class Ticket(Protocol):
    """The desk's side of one request. The session calls ``admit`` and ``written`` in one synchronous
    block with the write, and ``done`` exactly once.
    """

    def admit(self) -> Reason | None:
        """The gate's last look; a reason means: do not write, answer ``done(NeverWritten(reason))``."""
        ...

    def written(self) -> None:
        """The kernel took the bytes."""
        ...

    def done(self, outcome: Outcome) -> None:
        """What came of it."""
        ...


ReportListener: TypeAlias = Callable[[ExecutionReport], None]

SessionListener: TypeAlias = Callable[[AccountId, str], None]
"""Hears that an account's session is down, with why, or (with an empty text) that it is up again, and
that reports may have been missed meanwhile: its book is due to be read.
"""


class Broker(Protocol):
    """One broker module. ``place``, ``cancel`` and ``replace`` return at once and never raise for
    anything the network or the broker does: that comes through the ticket.
    """

    @property
    def capabilities(self) -> Capabilities:
        """The capability table."""
        ...

    def listen(
        self, listener: ReportListener, sessions: SessionListener = lambda _account, _why: None
    ) -> None:
        """Set who hears of reports, and of sessions; called once, before ``connect``."""
        ...

    async def connect(self) -> None:
        """Log in and warm the connections."""
        ...

    async def close(self) -> None:
        """Stop; nothing is reported afterwards."""
        ...

    def place(self, request: PlaceRequest, ticket: Ticket) -> None:
        """Send a new order."""
        ...

    def cancel(self, request: CancelRequest, ticket: Ticket) -> None:
        """Send a cancel. Accepted means it was taken; the cancel itself comes as a report."""
        ...

    def replace(self, request: ReplaceRequest, ticket: Ticket) -> None:
        """Send a replace. Accepted means it was taken; the replacement itself comes as a report."""
        ...

    async def book(self, account: AccountId) -> BrokerBook:
        """One complete reading of the account's book: orders first, then trades, positions, cash, so that
        what happens meanwhile shows as more filled, never as less.

        Raises OSError when any part of it could not be read completely: that proves nothing.
        """
        ...


@runtime_checkable
class TellsLate(Protocol):
    """A broker that may have more to tell than we can book: it answers from this very process, or puts off
    answers that have come.
    """

    @property
    def behind_ns(self) -> Nanoseconds:
        """How long the oldest answer or report that has come waits to be told; 0: nothing waits."""
        ...


@runtime_checkable
class PutsAnswersOff(Protocol):
    """A broker whose answers may wait for a moment, while orders are being written that cannot."""

    def put_off(self, *, wait: bool) -> None:
        """From now on answers wait, unless they have waited for too long; or they do not any more."""
        ...


@runtime_checkable
class FillsByHand(Protocol):
    """A broker whose working orders a person can have filled: the paper one."""

    def fill_by_hand(
        self,
        cl_ord_id: ClOrdId,
        quantity: Quantity,
        price: Price,
        exec_id: str,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Fill so much of a working order; the fill comes as a report, a TRADE with this ExecID.

        Never more than is left, nothing beyond the order's limit, and nothing at all for an order
        that has ended or an ExecID that was filled before. ``refused`` is called, later, with why a
        working order was not filled; never for an ExecID that has been or will be reported.
        """
        ...


@runtime_checkable
class TellsEgress(Protocol):
    """A broker whose logins leave from source addresses of their own. Of one that does not tell, all
    logins have the same.
    """

    def egress(self, login: str) -> str:
        """The source address of a login's requests; the same for as long as the process lives."""
        ...


class Check(msgspec.Struct, frozen=True):
    """One thing that has to be well before orders go out. ``detail``: what is known of it; ``fix``: what a
    person does about it, in one sentence, empty where it is ``ok``.
    """

    check: str
    ok: bool
    detail: str
    fix: str = ""


@runtime_checkable
class TellsReadiness(Protocol):
    """A broker that has something to check before its first order. Of one that does not tell, all is well."""

    def checks(self, login: str) -> tuple[Check, ...]:
        """What is known of a login now. Asks nobody, and has no secret in it."""
        ...
