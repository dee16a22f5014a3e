"""The hot doors, as a server takes them at once: the same answers as through a task of their own."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from phalanx.api import create_app
from phalanx.api.direct import Application
from tests.api.conftest import Site

BUY = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}
ORDER = {
    "kind": "order",
    "client": 1,
    "instrument": "RELIANCE",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": 10,
    "price": "1300.5",
}
OWN = ("instruction_id", "order_id", "request_id", "charges")
"""What two equal requests are not answered alike."""


class Taken:
    """A request that the front was offered, whole."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.answered: asyncio.Future[tuple[int, bytes]] = (
            asyncio.get_running_loop().create_future()
        )
        self.tasks: list[asyncio.Task[None]] = []

    def whole_body(self) -> bytes | None:
        return self._body

    def answer(self, status: int, _headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        self.answered.set_result((status, body))
        return True


async def at_once(
    site: Site, path: str, content: bytes, *headers: tuple[bytes, bytes]
) -> tuple[int, Any, bool]:
    """Status and body of the answer, and whether a task was needed for it."""
    front, taken = create_app(site.system), Taken(content)
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "headers": [(b"content-type", b"application/json"), *headers],
        "extensions": {"phalanx.direct": {"request": taken}},
    }

    async def nothing(*_: object) -> Any:  # noqa: ANN401  ASGI
        raise AssertionError("everything was there")

    def begin(application: Application) -> None:
        serving = application(scope, nothing, nothing)
        taken.tasks.append(asyncio.ensure_future(serving))

    assert front.take(scope, taken, begin)
    status, body = await taken.answered
    return status, msgspec.json.decode(body), bool(taken.tasks)


def alike(found: Any) -> Any:  # noqa: ANN401  JSON
    """Without what is a request's own."""
    if isinstance(found, dict):
        return {name: alike(value) for name, value in found.items() if name not in OWN}
    return [alike(one) for one in found] if isinstance(found, list) else found


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/create_order", BUY | {"POSITION": "SELL"}),
        ("/create_order", BUY | {"STRATEGY": "NOBODY"}),
        ("/create_order", BUY | {"POSITION": "HOLD"}),
        ("/api/v1/instructions", ORDER),
        ("/api/v1/instructions", ORDER | {"client": 99}),
        ("/api/v1/instructions", ORDER | {"side": "SELL"}),
        ("/api/v1/instructions", ORDER | {"price": "NaN"}),
        ("/api/v1/instructions", ORDER | {"on_moved": "skip"}),
        ("/api/v1/instructions", {"kind": "order"}),
        ("/api/v1/instructions", []),
    ],
)
async def test_the_answer_is_the_same(example: Site, path: str, body: Any) -> None:  # noqa: ANN401
    await example.send("PATCH", "/api/v1/settings", {"duplicate_window_s": 0})
    asked = await example.send("POST", path, body)
    status, found, _ = await at_once(example, path, msgspec.json.encode(body))

    assert (status, alike(found)) == (asked.status_code, alike(asked.json()))


async def test_single_orders_and_signals_need_no_task(example: Site) -> None:
    signal = await at_once(example, "/create_order", msgspec.json.encode(BUY))
    order = await at_once(example, "/api/v1/instructions", msgspec.json.encode(ORDER))

    assert (signal[0], signal[1]["RESPONSE"], signal[2]) == (200, "ACCEPTED", False)
    assert (order[0], order[1]["status"], order[2]) == (202, "WORKING", False)
    assert (await example.get("/api/v1/instructions"))["total"] == 2


async def test_the_rest_is_served_in_a_task(example: Site) -> None:
    exit_ = {"kind": "exit", "instrument": "MINDA", "scope": "both"}
    status, found, needed = await at_once(
        example, "/api/v1/instructions", msgspec.json.encode(exit_)
    )

    assert (status, found["kind"], needed) == (202, "exit", True)


async def test_a_key_is_good_for_one_instruction_whichever_way_it_comes(example: Site) -> None:
    content, key = msgspec.json.encode(ORDER), (b"idempotency-key", b"k")
    first, second = await asyncio.gather(
        at_once(example, "/api/v1/instructions", content, key),
        at_once(example, "/api/v1/instructions", content, key),
    )
    third = await example.send("POST", "/api/v1/instructions", ORDER, "k")

    assert first[1] == second[1] == third.json()
    assert (first[2], second[2]) == (False, True)
    assert (await example.get("/api/v1/instructions"))["total"] == 1


async def test_a_stopped_desk_says_so(example: Site) -> None:
    await example.system.desk.stop()
    status, found, _ = await at_once(example, "/create_order", msgspec.json.encode(BUY))

    assert (status, found["code"]) == (503, "DESK_STOPPED")
