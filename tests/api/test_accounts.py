"""Accounts: how fast their orders go, and what cash is left alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from phalanx.bootstrap import SystemClock
from phalanx.domain.accounts import Client
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import whole
from phalanx.engine import commands as c
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.stub_server import StubServer
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site
from tests.fakes.wire_peer import CA, server_context

ACCOUNTS = "/api/v1/accounts"
PATH = f"{ACCOUNTS}/PAPER-1"
ORIGIN = Origin("local", Door.CLIENTS)
ORDER = {
    "kind": "order",
    "account_id": "PAPER-1",
    "instrument": "INFY",
    "side": "BUY",
    "type": "MARKET",
}


@pytest.fixture
async def stubbed(tmp_path: Path) -> AsyncIterator[Site]:
    """With a stub broker that is configured and not there."""
    async with open_site(tmp_path / "data", stub_broker="http://127.0.0.1:1") as site:
        await site.profiles(WORKED_EXAMPLE)
        yield site


async def test_a_rate_limit_is_changed_in_parts(example: Site) -> None:
    assert (await example.get(PATH))["rate_limit"] == {
        "count": 0,
        "window_ms": 1_000,
        "reserved": 0,
    }
    await example.send("PATCH", PATH, {"rate_limit": {"count": 10, "reserved": 2}})
    answer = await example.send("PATCH", PATH, {"rate_limit": {"window_ms": 500}})

    wanted = {"count": 10, "window_ms": 500, "reserved": 2}
    assert answer.json()["rate_limit"] == wanted
    assert (await example.get(PATH))["rate_limit"] == wanted


async def test_what_goes_wrong_on_paper_is_part_of_the_fill_profile(example: Site) -> None:
    faults = {"lost_ack_bps": 1, "duplicate_report_bps": 2, "dropped_socket_bps": 3}
    before = (await example.get(PATH))["fill_profile"]
    await example.send("PATCH", PATH, {"fill_profile": faults})

    assert (await example.get(PATH))["fill_profile"] == before | faults


@pytest.mark.parametrize("reserve", ["999000.5", 999000.5], ids=["text", "number"])
async def test_a_reserve_is_left_alone(example: Site, reserve: object) -> None:
    answer = await example.send("PATCH", PATH, {"reserve": reserve})
    account = await example.get(PATH)
    signalled = await example.signal("STRATEGY_B", "MINDA", "BUY")

    assert answer.json()["reserve"] == account["reserve"] == "999000.5"
    assert (account["cash"], account["available"]) == ("1000000", "999.5")
    assert signalled["outcomes"][0]["reason"] == "INSUFFICIENT_CASH"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"rate_limit": {"count": -1}}, "INVALID_VALUE", "rate_limit.count"),
        ({"rate_limit": {"count": 10_001}}, "INVALID_VALUE", "rate_limit.count"),
        ({"rate_limit": {"count": 1.5}}, "WRONG_TYPE", "rate_limit.count"),
        ({"rate_limit": {"window_ms": 0}}, "INVALID_VALUE", "rate_limit.window_ms"),
        ({"rate_limit": {"window_ms": 86_400_001}}, "INVALID_VALUE", "rate_limit.window_ms"),
        ({"rate_limit": {"reserved": -1}}, "INVALID_VALUE", "rate_limit.reserved"),
        ({"rate_limit": {"reserved": 1}}, "INVALID_VALUE", "rate_limit.reserved"),
        ({"rate_limit": {"count": 2, "reserved": 2}}, "INVALID_VALUE", "rate_limit.reserved"),
        ({"rate_limit": {"per": 2}}, "UNKNOWN_FIELD", "rate_limit.per"),
        ({"rate_limit": 2}, "WRONG_TYPE", "rate_limit"),
        ({"reserve": -1}, "NOT_POSITIVE", "reserve"),
        ({"reserve": "much"}, "INVALID_NUMBER", "reserve"),
        ({"reserve": "0.000000001"}, "TOO_PRECISE", "reserve"),
        ({"reserve": "9" * 30}, "NUMBER_TOO_LARGE", "reserve"),
        ({"reserve": None}, "WRONG_TYPE", "reserve"),
    ],
)
async def test_bad_terms_change_nothing(example: Site, body: object, code: str, field: str) -> None:
    before = await example.get(PATH)

    answer = await example.send("PATCH", PATH, body)

    found = answer.json()
    assert (answer.status_code, found["code"], found["field"]) == (422, code, field)
    assert await example.get(PATH) == before


async def test_orders_beyond_the_rate_limit_wait_for_their_turn(example: Site) -> None:
    await example.send("PATCH", PATH, {"rate_limit": {"count": 2, "window_ms": 1_000}})
    for number in range(1, 6):
        answer = await example.send("POST", "/api/v1/instructions", {**ORDER, "quantity": number})
        assert answer.status_code == 202, answer.text

    async def orders() -> list[dict[str, Any]]:
        found = await example.get("/api/v1/orders", account="PAPER-1")
        items: list[dict[str, Any]] = found["items"]
        return items

    async def all_filled() -> bool:
        return [order["status"] for order in await orders()] == ["FILLED"] * 5

    await example.until(all_filled)
    hops = [order["hops"] for order in reversed(await orders())]
    sent = [hop["sent_ns"] for hop in hops]
    # A new limit begins with a full window, so that the very first has to wait as well.
    assert all(hop["waited_ns"] > 0 for hop in hops)
    assert sent == sorted(sent)
    assert all(
        later - earlier >= 990_000_000 for earlier, later in zip(sent, sent[2:], strict=False)
    )
    assert all(
        earlier + 500_000_000 > later for earlier, later in zip(sent[::2], sent[1::2], strict=False)
    )


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    found = answer.json()
    return answer.status_code, found["code"], found.get("field")


async def test_another_paper_account_trades_at_once(example: Site) -> None:
    body = {"client": 1, "broker": "paper", "cash": "250000"}
    first = await example.send("POST", ACCOUNTS, body, "k")
    again = await example.send("POST", ACCOUNTS, body, "k")

    made = first.json()
    assert (first.status_code, made["account"]) == (201, "PAPER-1-2")
    assert (made["broker"], made["login"], made["mode"]) == ("paper", "paper", "PAPER")
    assert (made["primary"], made["client"]) == (False, "Holland Proctor")
    assert (again.json(), again.headers["idempotent-replayed"]) == (made, "true")
    shown = await example.get(f"{ACCOUNTS}/PAPER-1-2")
    assert (shown["cash"], shown["open"]) == ("250000", True)
    order = {**ORDER, "account_id": "PAPER-1-2", "quantity": 1}
    answer = await example.send("POST", "/api/v1/instructions", order)
    assert answer.json()["outcomes"][0]["status"] == "ACCEPTED"
    assert (await example.get(ACCOUNTS))["total"] == 3


async def test_an_account_is_opened_at_any_broker_and_closed_until_it_was_read(
    stubbed: Site,
) -> None:
    body = {"client": 1, "broker": "stub", "account": "HP0417", "login": "dealer-1"}
    answer = await stubbed.send("POST", ACCOUNTS, body)

    made = answer.json()
    assert (answer.status_code, made["account"], made["login"]) == (201, "HP0417", "dealer-1")
    assert (made["broker_kind"], made["mode"]) == ("L", "PAPER")
    shown = await stubbed.get(f"{ACCOUNTS}/HP0417")
    assert not shown["open"]
    # Not read yet, or by now tried and not reached: nobody listens there.
    assert "stub" in shown["closed_because"]
    order = {**ORDER, "account_id": "HP0417", "quantity": 1}
    refused = await stubbed.send("POST", "/api/v1/instructions", order)
    assert refused.json()["outcomes"][0]["reason"] == "ACCOUNT_NOT_RECONCILED"


async def test_an_account_goes_to_another_broker_and_back(stubbed: Site) -> None:
    there = await stubbed.send("PATCH", PATH, {"broker": "stub"})
    moved = there.json()
    assert (moved["broker"], moved["login"]) == ("stub", "stub")
    assert not (await stubbed.get(PATH))["open"]

    back = await stubbed.send("PATCH", PATH, {"broker": "paper", "login": "desk"})

    assert (back.json()["broker"], back.json()["login"]) == ("paper", "desk")

    async def opened() -> bool:
        return bool((await stubbed.get(PATH))["open"])

    await stubbed.until(opened)
    assert (await stubbed.signal("STRATEGY_B", "MINDA", "BUY"))["RESPONSE"] == "ACCEPTED"


async def test_no_account_moves_while_an_order_of_it_works(stubbed: Site) -> None:
    await stubbed.send("PATCH", PATH, {"fill_profile": {"filled_bps": 0}})
    await stubbed.send("POST", "/api/v1/instructions", {**ORDER, "quantity": 1})
    before = await stubbed.get(PATH)

    refused = await stubbed.send("PATCH", PATH, {"broker": "stub"})

    assert refusal(refused)[:2] == (409, "ORDERS_WORKING")
    after = await stubbed.get(PATH)
    assert (after["broker"], after["open"]) == (before["broker"], True)


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"client": 9, "broker": "paper"}, 422, "UNKNOWN_CLIENT", "client"),
        ({"client": 1, "broker": "nowhere"}, 422, "UNKNOWN_BROKER", "broker"),
        ({"client": 1, "broker": ""}, 422, "EMPTY_TEXT", "broker"),
        ({"client": 1, "broker": "paper", "mode": "live"}, 422, "MODE_NOT_SUPPORTED", "mode"),
        ({"client": 1, "broker": "paper", "mode": "both"}, 422, "INVALID_VALUE", "mode"),
        (
            {"client": 1, "broker": "paper", "account": "PAPER-2"},
            409,
            "ACCOUNT_EXISTS",
            "account",
        ),
        ({"client": 1, "broker": "paper", "account": "a/b"}, 422, "INVALID_TEXT", "account"),
        ({"client": 1, "broker": "paper", "account": "-a"}, 422, "INVALID_TEXT", "account"),
        ({"client": 1, "broker": "paper", "account": "a" * 65}, 422, "INVALID_TEXT", "account"),
        ({"client": 1, "broker": "paper", "login": "a\tb"}, 422, "INVALID_TEXT", "login"),
        ({"client": 1, "broker": "paper", "cash": "-1"}, 422, "NOT_POSITIVE", "cash"),
        ({"client": 1}, 422, "MISSING_FIELD", "broker"),
        ({"client": 1, "broker": "paper", "primary": True}, 422, "UNKNOWN_FIELD", "primary"),
    ],
)
async def test_an_account_that_cannot_be(
    example: Site, body: object, status: int, code: str, field: str
) -> None:
    answer = await example.send("POST", ACCOUNTS, body)

    assert refusal(answer) == (status, code, field)
    assert (await example.get(ACCOUNTS))["total"] == 2


async def test_no_account_goes_to_a_broker_that_is_not_there(example: Site) -> None:
    answer = await example.send("PATCH", PATH, {"broker": "stub"})

    assert refusal(answer) == (422, "UNKNOWN_BROKER", "broker")
    assert answer.json()["detail"] == "no broker stub is connected; there is paper"


async def test_the_first_account_of_a_client_is_its_primary_one(example: Site) -> None:
    desk = example.system.desk
    await desk.execute(c.PutReference(ORIGIN, clients=(Client(7, "Asha"),)))

    made = (await example.send("POST", ACCOUNTS, {"client": 7, "broker": "paper"})).json()

    assert (made["account"], made["primary"]) == ("PAPER-7", True)
    assert desk.state.primary_accounts[7] == "PAPER-7"


async def test_an_account_says_that_its_broker_cannot_be_reached_from_an_address_of_others(
    tmp_path: Path,
) -> None:
    there = {"stub_broker": "http://127.0.0.1:1", "stub_broker_source": "192.0.2.1"}
    async with open_site(tmp_path / "data", **there) as site:
        await site.profiles(WORKED_EXAMPLE)
        await site.send("POST", ACCOUNTS, {"client": 1, "broker": "stub", "account": "HP0417"})

        async def says_why() -> bool:
            shown = await site.get(f"{ACCOUNTS}/HP0417")
            return "from 192.0.2.1: " in shown["closed_because"]

        await site.until(says_why)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_an_account_at_a_broker_is_open_once_its_book_was_read(
    tmp_path: Path, tls: bool
) -> None:
    exchange = StubExchange("stub", BrokerKind.LOOK_UP, SystemClock())
    exchange.open("HP0417", whole(5_000))
    server = StubServer(exchange)
    port = await server.start(tls=server_context() if tls else None)
    there = {"stub_broker": f"{'https' if tls else 'http'}://127.0.0.1:{port}"}
    if tls:
        there["stub_broker_ca"] = str(CA)
    try:
        async with open_site(tmp_path / "data", **there) as site:
            await site.profiles(WORKED_EXAMPLE)
            body = {"client": 1, "broker": "stub", "account": "HP0417", "cash": 5_000}
            answer = await site.send("POST", ACCOUNTS, body)
            assert answer.status_code == 201, answer.text

            async def opened() -> bool:
                return bool((await site.get(f"{ACCOUNTS}/HP0417"))["open"])

            await site.until(opened)
            order = {**ORDER, "account_id": "HP0417", "quantity": 1}
            placed = await site.send("POST", "/api/v1/instructions", order)
            order_id = placed.json()["outcomes"][0]["order_id"]

            async def taken() -> bool:
                return order_id in exchange.taken

            await site.until(taken)
            reports = await site.get("/api/v1/reconciliation", account="HP0417")
            assert (reports["items"][0]["broker"], reports["total"]) == ("stub", 1)
    finally:
        await server.close()
