"""What a broker module brings so that the cards can be played with it."""

import asyncio
from enum import Enum
from typing import Protocol

import pytest

from phalanx.brokers.port import Broker, CancelRequest, PlaceRequest, ReplaceRequest
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import Reason
from tests.fakes.desk import RecordingTicket, Reports


class Behaviour(Enum):
    """What the broker's world does with an order. A module's simulator is told; paper has profiles."""

    FILLS = "accepted at once, filled whole"
    FILLS_IN_PARTS = "accepted at once, filled whole in three fills or more, some time apart"
    RESTS = "accepted at once, never filled"
    REJECTS = "refused with a definite code"
    IS_SLOW = "answered only after some time"
    WAITS = "accepted at once; a stop that is filled whole once the price was moved there"


class Trouble(Enum):
    """What can go wrong with the next order, answer, report or book, where a world can do it."""

    REJECTS_LATER = "the next order is accepted, and rejected afterwards"
    LOSES_AN_ANSWER = "the next order is taken, and nobody is told"
    LOSES_AN_ORDER = "the next order is lost, and nobody can say whether it was"
    MUMBLES = "the next order is taken, and answered with what nobody understands"
    IS_LIMITED = "the next order is one too many"
    REPEATS_REPORTS = "every report comes twice"
    SWAPS_REPORTS = "the next report comes behind the one after it"
    MISSES_REPORTS = "no report comes any more"
    DROPS_REPORTS = "the stream of reports ends, once"
    REPORTS_GARBAGE = "something comes that is no report"
    ENDS_SESSIONS = "the session is not known any more"
    BOOK_IS_EMPTY = "the next book is nothing at all"
    BOOK_IS_NO_JSON = "the next book is a page of text"
    BOOK_HAS_NAN = "the next book has numbers that are none"
    BOOK_HAS_OTHER_TYPES = "the next book has texts for numbers, and numbers for texts"


class Harness(Protocol):
    """One broker module in a world that the cards can move. Once started it is unconnected, with
    ``reports`` set.
    """

    async def start(self) -> None:
        """Make the world."""
        ...

    async def stop(self) -> None:
        """Leave nothing of it behind."""
        ...

    @property
    def broker(self) -> Broker:
        """The module under test."""
        ...

    @property
    def reports(self) -> Reports:
        """What it has reported."""
        ...

    def order(
        self,
        behaviour: Behaviour,
        *,
        side: Side = Side.BUY,
        ord_type: OrdType = OrdType.LIMIT,
        product: Product = Product.DELIVERY,
        time_in_force: TimeInForce = TimeInForce.DAY,
        tag: str = "",
    ) -> PlaceRequest:
        """An order, with a new tag unless one is given, that will meet this behaviour. The price has
        reached a stop, unless the order is to wait for it.
        """
        ...

    @property
    def told(self) -> list[tuple[str, str]]:
        """What it said of sessions: the account, and why it is out of reach; empty where its book is to be
        read.
        """
        ...

    async def upset(self, trouble: Trouble) -> bool:
        """Let this go wrong from now on; False where this world cannot do it."""
        ...

    async def part(self) -> None:
        """Let time pass until the first part of FILLS_IN_PARTS is filled, and not the last."""
        ...

    async def reach(self, request: PlaceRequest) -> None:
        """Move the last price to the stop of an order that WAITS."""
        ...

    async def settle(self) -> None:
        """Let everything happen that is under way."""
        ...


class TurnTicket(RecordingTicket):
    """Also writes down that the loop had a turn after ``admit``."""

    def admit(self) -> Reason | None:
        asyncio.get_running_loop().call_soon(self.calls.append, "turn")
        return super().admit()


class Play:
    """One game with a connected broker: sends requests and keeps the tickets; ``placed`` by tag, the last
    one each.
    """

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.broker = harness.broker
        self.reports = harness.reports
        self.placed: dict[str, TurnTicket] = {}
        self._requests = 0

    async def upset(self, trouble: Trouble) -> None:
        """Let this go wrong; a card is skipped in a world that cannot do it."""
        if not await self.harness.upset(trouble):
            pytest.skip(f"its world has no such trouble: {trouble.value}")

    def place(self, request: PlaceRequest, refuse: Reason | None = None) -> TurnTicket:
        self.placed[request.cl_ord_id] = ticket = TurnTicket(refuse)
        self.broker.place(request, ticket)
        return ticket

    def cancel(
        self, request: PlaceRequest, order_id: str, refuse: Reason | None = None
    ) -> TurnTicket:
        ticket = TurnTicket(refuse)
        cancel = CancelRequest(self._id(), request.cl_ord_id, order_id, request.account)
        self.broker.cancel(cancel, ticket)
        return ticket

    def replace(
        self,
        request: PlaceRequest,
        order_id: str,
        quantity: Quantity,
        limit: Price,
        refuse: Reason | None = None,
    ) -> TurnTicket:
        ticket = TurnTicket(refuse)
        replace = ReplaceRequest(
            self._id(), request.cl_ord_id, order_id, request.account, quantity, limit
        )
        self.broker.replace(replace, ticket)
        return ticket

    def _id(self) -> str:
        self._requests += 1
        return f"R{self._requests}"
