"""The demo's lines: what became of a signal, from the answer and the stream."""

import asyncio
import io
import itertools
from types import SimpleNamespace
from typing import cast

import httpx
import msgspec
import pytest

from phalanx.cli.demo.command import settle
from phalanx.cli.demo.traffic import INSTRUCTIONS_KEPT, OrderItem, Results, Traffic, sentence
from phalanx.cli.display.screen import Screen
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.process.system import System
from phalanx.cli.remote.answers import SignalAnswer
from phalanx.cli.remote.documents import decode_as
from phalanx.desk.showing.stream import Stream, Topic
from phalanx.domain.accounts import Account, Mode
from phalanx.engine.state import State

ACCEPTED = {
    "RESPONSE": "ACCEPTED",
    "instruction_id": "I1",
    "outcomes": [{"status": "ACCEPTED"}, {"status": "ACCEPTED"}, {"status": "REJECTED"}],
}
REJECTED = {"RESPONSE": "REJECTED", "outcomes": [], "message": "not valid for any account"}


def answer(body: object) -> SignalAnswer:
    return decode_as(msgspec.json.encode(body), SignalAnswer)


def delta(*items: OrderItem, kind: str = "delta") -> bytes:
    return msgspec.json.encode({"topic": "orders", "type": kind, "n": 1, "items": items})


def test_an_accepted_signal() -> None:
    orders = [
        OrderItem("A", "I1", "FILLED", tat_ns=1_000_000),
        OrderItem("B", "I1", "PARTIALLY_FILLED", tat_ns=2_500_000),
        OrderItem("C", "I1", "FILLED"),
    ]

    assert sentence(answer(ACCEPTED), orders) == (
        "accepted by 2 of 3  2 filled, 1 partially filled  TAT p50 1.00 ms, max 2.50 ms"
    )
    assert sentence(answer(ACCEPTED), []) == "accepted by 2 of 3"


def test_a_rejected_signal() -> None:
    assert sentence(answer(REJECTED), []) == "rejected: not valid for any account"


def test_the_latest_word_on_an_order_counts() -> None:
    results = Results()
    results.take(delta(OrderItem("A", "I1", "SENT"), kind="snapshot"))
    assert results.of("I1") == []
    results.take(delta(OrderItem("A", "I1", "SENT"), OrderItem("B", "I1", "NEW")))
    results.take(delta(OrderItem("A", "I1", "FILLED")))

    assert [order.status for order in results.of("I1")] == ["FILLED", "NEW"]


def test_only_the_latest_instructions_are_remembered() -> None:
    results = Results()
    for number in range(INSTRUCTIONS_KEPT + 10):
        results.take(delta(OrderItem("A", f"I{number}", "NEW")))

    assert results.of("I9") == []
    assert len(results.of("I10")) == 1


async def test_a_door_that_fails_is_said_and_the_signals_go_on() -> None:
    stop = asyncio.Event()
    requests = itertools.count(1)

    def handle(_: httpx.Request) -> httpx.Response:
        match next(requests):
            case 1:
                return httpx.Response(503, json={"code": "OVERLOADED", "detail": "busy"})
            case 2:
                raise httpx.ReadTimeout("timed out")
            case _:
                stop.set()
                return httpx.Response(200, json=REJECTED)

    out, err = io.StringIO(), io.StringIO()
    stream = Stream([Topic("orders", lambda row: row)], 0)
    screen, transport = Screen(out=out, err=err), httpx.MockTransport(handle)
    await Traffic("http://phalanx.test", screen, 0.01, 1, transport, plays=False).run(stream, stop)

    assert err.getvalue().splitlines() == ["busy [OVERLOADED]", "no answer: timed out"]
    assert out.getvalue().endswith("rejected: not valid for any account\n")
    assert stream.reader_count == 0


async def test_the_demo_does_not_play_with_a_live_account() -> None:
    live = Account("LIVE-1", 1, mode=Mode.LIVE)
    system = SimpleNamespace(desk=SimpleNamespace(state=State(accounts={live.id: live})))
    with pytest.raises(Failure) as caught:
        await settle(cast("System", system))

    assert (caught.value.exit_code, caught.value.code) == (Exit.NOT_ALLOWED, "ACCOUNT_LIVE")
