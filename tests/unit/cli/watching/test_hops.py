"""The server's recent latencies, asked for while one watches."""

import asyncio

import httpx
import pytest

from phalanx.cli.watching import hops as module
from phalanx.cli.watching.hops import PATH, ask_for_latencies, hop_lines
from phalanx.cli.watching.messages import Item
from phalanx.domain.time import SECOND

LONG_NS = 999 * SECOND
ROW = {"hop": "tat", "orders": 1, "p50_ns": 1, "p99_ns": 1, "max_ns": 1}


async def test_they_are_asked_for_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_EVERY_S", 0)
    answers = iter(
        [
            httpx.Response(200, json={"items": [ROW]}),
            httpx.Response(404, json={"code": "NOT_FOUND"}),
            httpx.Response(200, json={"items": []}),
            httpx.Response(200, text="<html>"),
            httpx.Response(200, json={"items": [ROW, ROW]}),
        ]
    )

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == PATH
        found = next(answers, None)
        if found is None:
            raise httpx.ConnectError("gone")
        return found

    told: list[list[Item]] = []
    enough = asyncio.Event()

    def tell(latencies: list[Item]) -> None:
        told.append(latencies)
        if len(told) == 6:
            enough.set()

    async with httpx.AsyncClient(
        transport=httpx.MockTransport(answer), base_url="http://phalanx.test"
    ) as http:
        asking = asyncio.create_task(ask_for_latencies(http, tell))
        async with asyncio.timeout(10):
            await enough.wait()
        asking.cancel()

    assert told[:6] == [[ROW], [], [], [], [ROW, ROW], []]


def test_all_hops_fit_80_columns() -> None:
    rows = [
        {"hop": hop, "p50_ns": LONG_NS, "p99_ns": LONG_NS, "max_ns": LONG_NS}
        for hop in ("planned", "held", "waited", "committed", "sent")
    ]
    rows += [{**rows[0], "hop": hop} for hop in ("acknowledged", "first_fill", "tat")]

    lines = [line.plain for line in hop_lines([("recent", rows), ("IC400000000", rows)])]

    assert max(map(len, lines)) == 80
    assert lines[4].startswith("IC400000000 p50 ")
    assert lines[1].split() == ["recent", "p50", *["999,000"] * 8]
