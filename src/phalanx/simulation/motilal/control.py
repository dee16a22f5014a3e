"""The control door: faults, prices, fills and whatever else a test or a person does to the simulator.

``/_simulator/…``, JSON, for callers of this machine only. It has no key: it moves nobody's money.
"""

from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from phalanx.domain.numbers import Price, parse_fixed
from phalanx.simulation.http_messages import HttpMessage
from phalanx.simulation.motilal.amounts import encoded
from phalanx.simulation.motilal.books import order_row
from phalanx.simulation.motilal.doors import Answer
from phalanx.simulation.motilal.faults import Fault, Faults
from phalanx.simulation.motilal.matching import Matching
from phalanx.simulation.motilal.order_stream import OrderStream
from phalanx.simulation.motilal.orders import Orders, Status
from phalanx.simulation.motilal.prices import Prices
from phalanx.simulation.motilal.sessions import Sessions

STEPS_MAX: Final = 10_000

Action: TypeAlias = Callable[[bytes], object]


class PriceSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``price``: rupees, as text. It stays there; with ``walk`` it goes on from there."""

    exchange: str
    scripcode: int
    price: str
    walk: bool = False


class Fill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares at a price of rupees, as text; 0: all that remains, empty: at the last price."""

    uniqueorderid: str
    quantity: int = 0
    price: str = ""


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a working order, with the text of its error."""

    uniqueorderid: str
    status: Literal["Rejected", "Error", "Cancel", "Unknown"]
    text: str = ""


class Steps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many steps of the world at once."""

    count: Annotated[int, msgspec.Meta(ge=1, le=STEPS_MAX)] = 1


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the market is open."""

    open: bool


class Deaths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """With which code dead tokens are answered."""

    code: str = "MO8001"


class Control:
    """Does what it is told, and says what there is. A bad request is a 400 that says why."""

    def __init__(
        self,
        faults: Faults,
        prices: Prices,
        orders: Orders,
        matching: Matching,
        sessions: Sessions,
        stream: OrderStream,
        step: Callable[[int], None],
    ) -> None:
        self._faults = faults
        self._prices = prices
        self._orders = orders
        self._matching = matching
        self._sessions = sessions
        self._stream = stream
        self._step = step
        self._actions: dict[str, Action] = {
            "GET faults": lambda _: list(faults),
            "POST faults": self._add_fault,
            "DELETE faults": self._clear_faults,
            "POST prices": self._set_price,
            "GET orders": lambda _: [order_row(order) for order in orders],
            "POST fills": self._fill,
            "POST statuses": self._mark,
            "POST steps": self._move_on,
            "POST market": self._open,
            "DELETE sessions": self._end_sessions,
            "DELETE sockets": self._drop_sockets,
        }

    def answer(self, message: HttpMessage, address: str) -> Answer:
        """What a control request from an address is answered with."""
        if not ip_address(address).is_loopback:
            return _problem(HTTPStatus.FORBIDDEN, "only from this machine")
        method, target, *_ = message.line.split(" ")
        action = self._actions.get(f"{method} {urlsplit(target).path.rpartition('/')[2]}")
        if action is None:
            return _problem(HTTPStatus.NOT_FOUND, f"one of: {', '.join(self._actions)}")
        try:
            found = action(message.body or b"{}")
        except KeyError as error:
            return _problem(HTTPStatus.NOT_FOUND, f"no {error.args[0]}")
        except (msgspec.DecodeError, ValueError) as error:
            return _problem(HTTPStatus.BAD_REQUEST, str(error))
        return Answer(HTTPStatus.OK, encoded({"done": True} if found is None else found))

    def _add_fault(self, body: bytes) -> None:
        self._faults.add(msgspec.json.decode(body, type=Fault))

    def _clear_faults(self, _: bytes) -> None:
        self._faults.clear()

    def _set_price(self, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=PriceSet)
        price = parse_fixed(asked.price)
        self._prices.set(asked.exchange, asked.scripcode, price, held=not asked.walk)

    def _fill(self, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=Fill)
        order = self._orders.get(asked.uniqueorderid)
        scrip = order.ticket.scrip
        price: Price = parse_fixed(asked.price) if asked.price else self._prices.of(*scrip.key).ltp
        quantity = asked.quantity or order.remaining
        self._orders.fill(order.id, quantity, price)
        self._prices.trade(scrip, price, quantity)

    def _mark(self, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=Mark)
        self._orders.mark(asked.uniqueorderid, Status(asked.status), asked.text)

    def _move_on(self, body: bytes) -> None:
        self._step(msgspec.json.decode(body, type=Steps).count)

    def _open(self, body: bytes) -> None:
        self._matching.is_open = msgspec.json.decode(body, type=Hours).open

    def _end_sessions(self, body: bytes) -> None:
        self._sessions.end_all(msgspec.json.decode(body, type=Deaths).code)

    def _drop_sockets(self, _: bytes) -> None:
        self._stream.drop()


def _problem(status: HTTPStatus, detail: str) -> Answer:
    return Answer(status, encoded({"detail": detail}))
