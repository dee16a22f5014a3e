"""The demo's random signals: sent through the front door, followed on the stream."""

import asyncio
from collections import Counter

import httpx
import msgspec

from phalanx.cli.demo.scene import Scene
from phalanx.cli.demo.world import STRATEGIES
from phalanx.cli.display.screen import Screen
from phalanx.cli.exit_codes import Failure
from phalanx.cli.input.moments import clock_now
from phalanx.cli.process.stopping import wait_for
from phalanx.cli.producing.production import percentile
from phalanx.cli.producing.random_orders import RandomOrders, SignalBody
from phalanx.cli.remote.answers import SignalAnswer
from phalanx.cli.remote.client import refusal
from phalanx.cli.remote.documents import decode_as
from phalanx.desk.showing.stream import Stream

INSTRUCTIONS_KEPT = 1_024
"""Instructions whose orders are remembered; a line is printed one interval after its signal."""
TIMEOUT_S = 10.0


class OrderItem(msgspec.Struct, frozen=True):
    """What of an order on the stream the demo reckons with."""

    order_id: str
    instruction_id: str
    status: str
    filled: str = "0"
    tat_ns: int = 0


class OrdersMessage(msgspec.Struct, frozen=True):
    """A message of the topic ``orders``."""

    type: str
    items: tuple[OrderItem, ...] = ()


class Results:
    """The latest word on the orders of the latest instructions."""

    def __init__(self) -> None:
        self._orders: dict[str, dict[str, OrderItem]] = {}

    def take(self, message: bytes) -> None:
        """A message of the stream."""
        decoded = msgspec.json.decode(message, type=OrdersMessage)
        if decoded.type != "delta":
            return
        for item in decoded.items:
            self._orders.setdefault(item.instruction_id, {})[item.order_id] = item
        while len(self._orders) > INSTRUCTIONS_KEPT:
            del self._orders[next(iter(self._orders))]

    def of(self, instruction_id: str) -> list[OrderItem]:
        """The orders of one instruction."""
        return list(self._orders.get(instruction_id, {}).values())


class Traffic:
    """The scene, unless ``plays`` is False; then a random signal every ``interval_s``, and a line for each.
    ``token``: of a machine key, where the server asks who somebody is.
    """

    def __init__(
        self,
        url: str,
        screen: Screen,
        interval_s: float,
        seed: int | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        plays: bool = True,
        token: str = "",
    ) -> None:
        self._url = url
        self._plays = plays
        self._screen = screen
        self._interval_s = interval_s
        self._transport = transport
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._orders = RandomOrders(STRATEGIES, seed)
        self._results = Results()

    async def run(self, stream: Stream, stop: asyncio.Event) -> None:
        """Until ``stop``."""
        listening = asyncio.create_task(self._listen(stream))
        try:
            async with httpx.AsyncClient(
                base_url=self._url,
                headers=self._headers,
                timeout=TIMEOUT_S,
                transport=self._transport,
                trust_env=False,
            ) as http:
                if await self._scene(http, stop):
                    return
                while not await self._turn(http, stop):
                    pass
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _scene(self, http: httpx.AsyncClient, stop: asyncio.Event) -> bool:
        return self._plays and await Scene(http, self._screen, self._interval_s).play(stop)

    async def _listen(self, stream: Stream) -> None:
        """A reader of the stream like any other; one that was cut off begins again."""
        while True:
            reader = stream.join(("orders",))
            try:
                async for message in reader:
                    self._results.take(message)
            finally:
                stream.leave(reader)

    async def _turn(self, http: httpx.AsyncClient, stop: asyncio.Event) -> bool:
        """One signal; True when it is time to stop."""
        body = self._orders.next()
        try:
            answer = await self._post(http, body)
        except httpx.HTTPError as error:
            self._screen.note(f"no answer: {str(error) or type(error).__name__}")
            return await wait_for(stop, self._interval_s)
        except Failure as failure:
            self._screen.note(f"{failure.detail} [{failure.code}]")
            return await wait_for(stop, self._interval_s)
        stopping = await wait_for(stop, self._interval_s)
        self._show(body, answer)
        return stopping

    async def _post(self, http: httpx.AsyncClient, body: SignalBody) -> SignalAnswer:
        answer = await http.post("/create_order", json=body)
        if answer.status_code != httpx.codes.OK:
            raise refusal(answer)
        return decode_as(answer.content, SignalAnswer)

    def _show(self, body: SignalBody, answer: SignalAnswer) -> None:
        orders = self._results.of(answer.instruction_id)
        if self._screen.as_json:
            self._screen.document({**body, **_facts(answer, orders)})
            return
        what = f"{body['STRATEGY']} {body['POSITION']:4} {body['INSTRUMENT']}"
        self._screen.say(f"{clock_now()}  {what:<27}  {sentence(answer, orders)}")


def sentence(answer: SignalAnswer, orders: list[OrderItem]) -> str:
    """What became of a signal, in a few words."""
    if not answer.accepted:
        return f"rejected: {answer.message or answer.reason or 'not valid for any account'}"
    words = [f"accepted by {answer.accepted} of {len(answer.outcomes)}"]
    counts = Counter(_word(order) for order in orders)
    if counts:
        words.append(", ".join(f"{count} {word}" for word, count in counts.most_common()))
    tats = _tats(orders)
    if tats:
        p50, most = percentile(tats, 50) / 1e6, tats[-1] / 1e6
        words.append(f"TAT p50 {p50:.2f} ms, max {most:.2f} ms")
    return "  ".join(words)


def _facts(answer: SignalAnswer, orders: list[OrderItem]) -> dict[str, object]:
    tats = _tats(orders)
    return {
        "result": answer.response,
        "instruction_id": answer.instruction_id,
        "reason": answer.reason,
        "accepted": answer.accepted,
        "accounts": len(answer.outcomes),
        "filled": sum(order.status == "FILLED" for order in orders),
        "tat_p50_ns": percentile(tats, 50),
        "tat_max_ns": tats[-1] if tats else 0,
    }


def _word(order: OrderItem) -> str:
    return order.status.lower().replace("_", " ")


def _tats(orders: list[OrderItem]) -> list[int]:
    return sorted(order.tat_ns for order in orders if order.tat_ns > 0)
