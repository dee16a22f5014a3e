"""Readiness before the open at its door: what is not well, and what to do about it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from phalanx.brokers.motilal.endpoints import Path as Endpoint
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site
from tests.api.test_motilal import FIELDS, logins
from tests.unit.brokers.motilal.order_door import OrderDoor
from tests.unit.brokers.motilal.samples import ACCESS, LOGGED_IN, MARGIN, ok

READINESS = "/api/v1/readiness"
LIVE = {"client": 1, "broker": "motilal", "login": "ann", "mode": "live"}


@pytest.fixture
async def door() -> AsyncIterator[OrderDoor]:
    """A broker that answers every question; its socket is not there."""
    door = OrderDoor()
    rows: dict[str, list[Any]] = {
        Endpoint.ORDER_BOOK: [],
        Endpoint.TRADE_BOOK: [],
        Endpoint.POSITIONS: [],
        Endpoint.HOLDINGS: [],
        Endpoint.MARGIN: MARGIN,
    }
    door.answers = {path: [(200, json.dumps(ok(found)).encode())] for path, found in rows.items()}
    door.answers[Endpoint.LOGIN] = [(200, LOGGED_IN)]
    door.answers[Endpoint.ACCESS_TOKEN] = [(200, ACCESS)]
    door.answers[Endpoint.LOGOUT] = [(200, b'{"status":"SUCCESS"}')]
    await door.start()
    yield door
    await door.close()


def checks(row: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    return {one["check"]: one for one in row["checks"]}


def red(row: Any) -> set[str]:  # noqa: ANN401  JSON
    return {name for name, one in checks(row).items() if not one["ok"]}


async def test_paper_accounts_are_ready(example: Site) -> None:
    await example.send("POST", "/api/v1/reconcile")
    found = await example.get(READINESS)

    assert [row["status"] for row in found["items"]] == ["READY", "READY"]
    assert (found["total"], found["red"]) == (2, 0)
    row = found["items"][0]
    assert (row["account"], row["broker"], row["mode"]) == ("PAPER-1", "paper", "PAPER")
    assert set(checks(row)) >= {"books", "funds", "calendar"}
    assert {one["fix"] for one in row["checks"]} == {None}


async def test_a_disabled_account_is_red_and_says_what_to_do(example: Site) -> None:
    await example.send("POST", "/api/v1/reconcile")
    await example.send("PATCH", "/api/v1/accounts/PAPER-2", {"enabled": False})

    found = await example.get(READINESS, status="RED")

    assert (found["total"], found["red"]) == (1, 1)
    (row,) = found["items"]
    assert red(row) == {"books"}
    assert checks(row)["books"]["fix"] == "enable it (`phalanx accounts set PAPER-2 --enable`)"
    assert (await example.get(READINESS, status="READY"))["total"] == 1


async def test_one_account_and_pages(example: Site) -> None:
    one = await example.get(READINESS, account="PAPER-2")
    assert [row["account"] for row in one["items"]] == ["PAPER-2"]
    assert (await example.get(READINESS, account="NOBODY"))["items"] == []

    second = await example.get(READINESS, skip=1, limit=1)
    assert [row["account"] for row in second["items"]] == ["PAPER-2"]
    assert second["total"] == 2


async def test_a_live_account_has_the_checks_of_its_login(tmp_path: Path, door: OrderDoor) -> None:
    file = logins(tmp_path, door)
    async with open_site(tmp_path / "data", motilal_logins=file) as site:
        await site.profiles(WORKED_EXAMPLE)
        assert (await site.send("POST", "/api/v1/accounts", LIVE)).status_code == 201
        sealed = {"broker": "motilal", "fields": FIELDS, "expected": 0}
        assert (await site.send("PUT", "/api/v1/credentials/ann", sealed)).status_code == 200

    async with open_site(tmp_path / "data", motilal_logins=file) as site:

        async def is_read() -> bool:
            return site.system.desk.reconciler.report("MOTILAL-1").comparison is not None

        await site.until(is_read)
        came = len(door.came)
        found = await site.get(READINESS, account="MOTILAL-1")
        assert len(door.came) == came

    (row,) = found["items"]
    seen = checks(row)
    assert list(seen) == [
        *("token", "address", "algo_id", "socket", "clock"),
        *("books", "funds", "instruments", "feed", "armed", "calendar"),
    ]
    assert red(row) == {"socket", "books", "funds", "feed"}
    assert seen["books"]["detail"] == "differences: 1"
    assert seen["feed"]["fix"] == "set PHALANX_QUOTES=broadcast, and restart the server"
    assert seen["funds"]["detail"] == "0 INR"
    assert seen["armed"] == {"check": "armed", "ok": True, "detail": "not armed", "fix": None}
    assert all((one["fix"] is None) is one["ok"] for one in row["checks"])
    assert not any(str(secret) in json.dumps(found) for secret in FIELDS.values())


async def test_nothing_is_journaled_by_looking(example: Site) -> None:
    before = example.system.desk.state.seq
    await example.get(READINESS)

    assert example.system.desk.state.seq == before
