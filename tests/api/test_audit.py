"""The audit over HTTP: who did what from where, newest first, filtered, as JSON and as CSV."""

import csv
from io import StringIO
from typing import Any

import httpx
import pytest

from phalanx.api import create_app
from phalanx.bootstrap import build
from phalanx.config import Settings
from phalanx.domain.audit import Act
from phalanx.domain.instructions import Door, Origin
from phalanx.engine.commands import RecordAccess
from phalanx.market.cells import restored
from tests.api.conftest import Site

PATH = "/api/v1/audit"


async def acts(site: Site, **query: str | int) -> list[dict[str, Any]]:
    found = await site.get(PATH, **query)
    items: list[dict[str, Any]] = found["items"]
    return items


async def test_every_door_leaves_who_what_and_from_where(example: Site) -> None:
    answer = await example.signal("STRATEGY_B", "MINDA", "BUY")
    await example.send("PUT", "/api/v1/kill", {"note": "lunch"})

    kill, signal = await acts(example, limit=2)

    assert (kill["act"], kill["door"], kill["detail"]) == ("kill_put", "kill", "lunch")
    assert (signal["act"], signal["subject"]) == ("instruction_planned", answer["instruction_id"])
    for act in (kill, signal):
        assert (act["actor"], act["address"], act["count"]) == ("local", "127.0.0.1", 1)
        assert act["time"] == act["first"]
        assert act["request_id"]


async def test_filters_and_pages(example: Site) -> None:
    for number in range(3):
        await example.send("PUT", "/api/v1/kill", {"note": f"n{number}"}, key=f"k{number}")

    everything = await example.get(PATH, limit=1_000)
    kills = await acts(example, act="kill_put", subject="everybody")
    first, second = kills[:2]

    assert everything["total"] == len(everything["items"])
    assert [kill["detail"] for kill in kills] == ["n2", "n1", "n0"]
    older = await example.get(PATH, act="kill_put", before=first["seq"], limit=1)
    assert (older["items"], older["total"]) == ([second], 2)
    assert await acts(example, act="kill_put", since=second["time"], until=second["time"]) == [
        second
    ]
    assert await acts(example, actor="nobody") == []
    assert {act["door"] for act in await acts(example, door="import")} == {"import"}


async def test_facts_that_are_told_are_listed(site: Site) -> None:
    origin = Origin("ann", Door.ACCESS, "r1", address="192.0.2.7")
    told = site.system.auditing
    await told.told(RecordAccess(origin, Act.CREDENTIAL_READ, "dealer-1"))
    for _ in range(100):
        told.tell(RecordAccess(origin, Act.LOGIN_FAILED, "bob"))

    failed, read = await acts(site, limit=2)

    assert (read["actor"], read["act"], read["subject"]) == ("ann", "credential_read", "dealer-1")
    assert (failed["act"], failed["count"]) == ("login_failed", 1)


async def test_what_was_gathered_is_on_record_after_a_stop(site: Site) -> None:
    origin = Origin("", Door.ACCESS, address="192.0.2.7")
    for _ in range(100):
        site.system.auditing.tell(RecordAccess(origin, Act.LOGIN_FAILED, "bob"))
    await site.system.stop()

    again = build(Settings(data=site.system.settings.data))
    await again.start()
    try:
        transport = httpx.ASGITransport(create_app(again))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            found = await acts(Site(again, http), act="login_failed")
    finally:
        await again.stop()

    assert [act["count"] for act in found] == [99, 1]


async def test_a_file_has_the_same_rows(example: Site) -> None:
    await example.send("PUT", "/api/v1/kill", {"note": "=1+1"})
    items = await acts(example, limit=50)

    answer = await example.http.get(PATH, params={"format": "csv", "limit": 50})

    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(StringIO(answer.text, newline="")))
    assert rows[0]["detail"] == "'=1+1"
    assert [{name: restored(cell) for name, cell in row.items()} for row in rows] == [
        {name: str(value) for name, value in item.items()} for item in items
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": "yesterday"}, "INVALID_TIME"),
        ({"until": "2026-11-20T09:15:00"}, "INVALID_TIME"),
        ({"before": 0}, "INVALID_VALUE"),
        ({"limit": 1_001}, "INVALID_VALUE"),
        ({"who": "ann"}, "UNKNOWN_FIELD"),
    ],
)
async def test_a_question_that_is_none(site: Site, query: dict[str, str | int], code: str) -> None:
    answer = await site.http.get(PATH, params=query)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
