"""Requests that are executed at once: together, and never with less than the way of all others."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import msgspec
import pytest

from phalanx.api.arrivals import FEW, TOGETHER_MAX, Arrivals
from phalanx.api.bodies import Receive, Send
from phalanx.api.direct import Application
from phalanx.api.exchange import Answer, AtOnce, Call, Door, answer_json
from phalanx.api.house import House
from phalanx.api.policy import TRADE
from phalanx.api.problems import Problem
from phalanx.api.system import System
from phalanx.desk.desk import Executed
from phalanx.desk.errors import Overloaded, Stopped
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instructions import Origin, SignalRequest
from phalanx.domain.orders import OrderDraft, OrdType, Product, Side, TimeInForce
from phalanx.engine.commands import Command, PutKill

DRAFT = OrderDraft(
    *("A", "A1/P", "NSE:1", Side.BUY, Product.DELIVERY, OrdType.MARKET, TimeInForce.DAY, 1, 1, 0)
)
SIGNAL = SignalRequest("S", "I", Side.BUY)
ORIGIN = Origin("a", DoorName.CREATE_ORDER)
LARGE = InstructionPlanned(0, "I1", ORIGIN, SIGNAL, 0, orders=(DRAFT,) * (FEW + 1))


class Desk:
    """Executes what it may, each with the next seq; durable when the test says so."""

    clock: "Desk"

    def __init__(self) -> None:
        self.clock = self
        self.executed: list[str] = []
        self.waits: set[str] = set()
        self.refuses: dict[str, Exception] = {}
        self.asked_for: list[tuple[int, asyncio.Future[None]]] = []

    def monotonic(self) -> int:
        return 7

    def execute_at_once(self, command: PutKill) -> Executed | None:
        name = command.note
        if name in self.refuses:
            raise self.refuses[name]
        if name in self.waits:
            return None
        self.executed.append(name)
        return Executed((LARGE,) if name == "large" else (), len(self.executed))

    def durable(self, seq: int) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asked_for.append((seq, future))
        return future


class Request:
    """A request as a server has it; what became of it."""

    def __init__(self, body: bytes | None, *, takes: bool = True) -> None:
        self.body = body
        self.takes = takes
        self.answers: list[tuple[int, bytes]] = []
        self.begun: list[Application] = []

    def whole_body(self) -> bytes | None:
        return self.body

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        assert (b"content-length", b"%d" % len(body)) in headers
        if self.takes:
            self.answers.append((status, body))
        return self.takes

    @property
    def code(self) -> str:
        """Of the problem it was answered with."""
        ((_, body),) = self.answers
        return str(msgspec.json.decode(body)["code"])


class Broken(Request):
    """Its connection fails whoever writes to it."""

    def answer(self, *_: object) -> bool:
        raise RuntimeError("unable to perform operation on <TCPTransport closed>")


def read(call: Call) -> Command | None:
    """The body's text is the command's note; some are wrong, and some are another case."""
    text = call.body.decode()
    if text == "wrong":
        raise Problem("INVALID_VALUE", "wrong")
    return None if text == "other" else PutKill(Origin("a", DoorName.INSTRUCTIONS), note=text)


def answered(call: Call, executed: Executed) -> Answer:
    if call.body == b"unspeakable":
        raise KeyError("inside")
    return answer_json(202, executed.seq)


async def never(_: Call) -> Answer:
    raise AssertionError("served in a task")


WAY = AtOnce(read, answered)
DOOR = Door("POST", "/x", never, "", policy=TRADE, body=bytes, hot=True, at_once=WAY)


class Bench:
    """Arrivals over a desk, and those that went the way of all others."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.served: list[Call] = []
        house = House()
        house.system = cast("System", self)
        self.arrivals = Arrivals(house, self._serve)

    def add(self, *requests: Request, query: bytes = b"") -> None:
        headers = [(b"content-type", b"application/json")]
        for request in requests:
            scope = {"headers": headers, "query_string": query, "client": ("127.0.0.1", 1)}
            self.arrivals.add(DOOR, WAY, scope, request, request.begun.append)

    async def turn(self) -> None:
        await asyncio.sleep(0)

    async def commit(self, failure: Exception | None = None) -> None:
        for _, future in self.desk.asked_for:
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)
        self.desk.asked_for.clear()
        await self.turn()

    def _serve(self, _: Door, call: Call) -> Application:
        self.served.append(call)
        return partial(self._application, call)

    async def _application(self, call: Call, _scope: Any, _receive: Receive, _send: Send) -> None:  # noqa: ANN401
        raise AssertionError(f"{call.request_id} is only begun here")


async def test_what_came_together_is_executed_in_order_and_told_once_it_is_durable() -> None:
    bench, requests = Bench(), [Request(name) for name in (b"a", b"b", b"c")]
    bench.add(*requests)
    assert bench.desk.executed == []
    await bench.turn()

    assert bench.desk.executed == ["a", "b", "c"]
    assert [seq for seq, _ in bench.desk.asked_for] == [3]
    assert [request.answers for request in requests] == [[], [], []]

    await bench.commit()
    assert [request.answers for request in requests] == [
        [(202, b"1")],
        [(202, b"2")],
        [(202, b"3")],
    ]
    assert not any(request.begun for request in requests)


async def test_when_it_was_received_is_when_it_came() -> None:
    bench, request = Bench(), Request(b"other")
    bench.add(request)
    bench.desk.monotonic = lambda: 9  # type: ignore[method-assign]
    await bench.turn()

    assert [call.received for call in bench.served] == [7]


@pytest.mark.parametrize("body", [None, b"other", b"later"])
async def test_what_cannot_be_executed_at_once_is_served_with_nothing_decided(
    body: bytes | None,
) -> None:
    bench, request, next_one = Bench(), Request(body), Request(b"b")
    bench.desk.waits = {"later"}
    bench.add(request, next_one)
    await bench.turn()
    await bench.commit()

    assert bench.desk.executed == ["b"]
    assert (len(request.begun), len(bench.served), request.answers) == (1, 1, [])
    assert next_one.answers == [(202, b"1")]


async def test_a_request_that_is_wrong_never_reaches_the_desk() -> None:
    bench, wrong, queried = Bench(), Request(b"wrong"), Request(b"a")
    bench.add(wrong)
    bench.add(queried, query=b"a=1")
    await bench.turn()

    assert (wrong.code, queried.code) == ("INVALID_VALUE", "UNKNOWN_FIELD")
    assert (bench.desk.executed, bench.desk.asked_for) == ([], [])


async def test_what_the_desk_refuses_is_said_and_the_others_go_on() -> None:
    bench, refused, other = Bench(), Request(b"refused"), Request(b"a")
    bench.desk.refuses["refused"] = Overloaded()
    bench.add(refused, other)
    await bench.turn()
    assert (refused.code, refused.answers[0][0]) == ("OVERLOADED", 503)

    await bench.commit()
    assert other.answers == [(202, b"1")]


async def test_what_never_becomes_durable_is_never_said_to_be() -> None:
    bench, requests = Bench(), [Request(b"a"), Request(b"b")]
    bench.add(*requests)
    await bench.turn()
    await bench.commit(Stopped("the disk is gone"))

    assert [request.code for request in requests] == ["DESK_STOPPED", "DESK_STOPPED"]


async def test_an_answer_that_fails_is_said_to_have_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench, unspeakable, other = Bench(), Request(b"unspeakable"), Request(b"a")
    bench.add(unspeakable, other)
    await bench.turn()
    await bench.commit()

    assert unspeakable.code == "INTERNAL_ERROR"
    assert other.answers == [(202, b"2")]
    assert len(caplog.records) == 1


async def test_an_answer_that_is_not_taken_is_sent_by_a_task() -> None:
    bench, slow = Bench(), Request(b"a", takes=False)
    bench.add(slow)
    await bench.turn()
    await bench.commit()

    sent: list[Any] = []

    async def send(message: Any) -> None:  # noqa: ANN401  ASGI
        sent.append(message)

    (application,) = slow.begun
    await application({}, cast("Receive", None), send)
    assert [message.get("status", message.get("body")) for message in sent] == [202, b"1"]


async def test_after_so_many_the_others_have_a_turn() -> None:
    bench = Bench()
    bench.add(*(Request(b"%d" % number) for number in range(TOGETHER_MAX + 1)))
    await bench.turn()
    assert len(bench.desk.executed) == TOGETHER_MAX

    await bench.turn()
    assert bench.desk.executed == [str(number) for number in range(TOGETHER_MAX + 1)]
    assert [seq for seq, _ in bench.desk.asked_for] == [TOGETHER_MAX, TOGETHER_MAX + 1]


async def test_one_that_cannot_be_answered_takes_nobody_with_it() -> None:
    bench = Bench()
    broken, others = Broken(b"x"), [Request(b"a"), Request(b"b")]
    bench.add(others[0], broken, others[1])
    await bench.turn()
    await bench.commit()

    assert [len(request.answers) for request in others] == [1, 1]


async def test_one_that_fails_early_does_not_end_the_turns() -> None:
    bench, later = Bench(), [Request(b"l%d" % number) for number in range(2 * TOGETHER_MAX)]
    bench.add(Broken(b"wrong"), *later)
    for _ in range(4):
        await bench.turn()
    bench.add(last := Request(b"last"))
    await bench.turn()
    await bench.commit()

    assert all(request.answers for request in (*later, last))


async def test_a_large_plan_lets_nobody_else_wait_for_its_record() -> None:
    bench, requests = Bench(), [Request(name) for name in (b"a", b"b", b"large", b"c", b"d")]
    bench.add(*requests)
    await bench.turn()

    assert [seq for seq, _ in bench.desk.asked_for] == [2, 3, 5]


async def test_however_many_come_one_turn_takes_no_more_than_its_number() -> None:
    bench = Bench()
    bench.add(*(Request(b"wrong") for _ in range(TOGETHER_MAX)))
    first_of_more = [Request(b"m%d" % number) for number in range(TOGETHER_MAX + 1)]
    bench.add(*first_of_more)
    await bench.turn()
    assert bench.desk.executed == []

    await bench.turn()
    assert len(bench.desk.executed) == TOGETHER_MAX
