import asyncio
from pathlib import Path

import pytest

from phalanx.bootstrap import build
from phalanx.config import Settings
from phalanx.desk.desk import Desk
from phalanx.desk.errors import Overloaded, Stopped
from phalanx.engine.commands import Command, LoadInstruments
from tests.api.conftest import Site

HEADER = "symbol,token_id,exchange,instrument_type,lot_size,tick_size\n"
CSV = {"content-type": "text/csv"}


async def test_finding_instruments(site: Site) -> None:
    found = await site.get("/api/v1/instruments/search", q="relia", limit=2)
    alias = await site.get("/api/v1/instruments/search", q="EICHER", limit=1)
    token = await site.get("/api/v1/instruments/search", q="2885", limit=1)

    assert [one["symbol"] for one in found["items"]] == ["RELIABLE", "RELIANCE"]
    assert found["total"] == 2
    assert alias["items"][0]["symbol"] == "EICHERMOT"
    assert token["items"][0] == {
        "symbol": "RELIANCE",
        "exchange": "NSE",
        "token_id": "2885",
        "instrument_type": "EQ",
        "lot_size": "1",
        "tick_size": "0.1",
        "isin": "",
        "tradable": True,
        "last_price": "1364",
        "price_source": "CLOSE",
    }


async def test_another_master_comes_into_force(example: Site) -> None:
    rows = "INFY,1594,NSE,EQ,1,0.1\nNEW,T7,NSE,EQ,1,0.05\nNEW,T7,BSE,EQ,1,0.05\n"
    answer = await example.http.post(
        "/api/v1/instruments?name=small.csv", content=HEADER + rows, headers=CSV
    )

    report = answer.json()
    assert answer.status_code == 200
    assert (report["added"], report["changed"]) == (2, 0)
    assert report["removed"] > 3_000
    assert report["sha256"] == example.system.desk.state.instruments_sha256
    gone = await example.signal("STRATEGY_B", "MINDA", "BUY")
    assert gone["reason"] == "UNKNOWN_INSTRUMENT"


async def test_the_same_master_again_changes_nothing(site: Site) -> None:
    rows = "INFY,1594,NSE,EQ,1,0.1\n"
    await site.http.post("/api/v1/instruments", content=HEADER + rows, headers=CSV)
    answer = await site.http.post("/api/v1/instruments", content=HEADER + rows, headers=CSV)

    assert answer.json() | {"added": 0, "changed": 0, "removed": 0} == answer.json()


async def test_two_at_once_under_one_key_are_one_import(site: Site) -> None:
    content = HEADER + "INFY,1594,NSE,EQ,1,0.1\n"
    headers = {**CSV, "idempotency-key": "k"}

    first, second = await asyncio.gather(
        *(site.http.post("/api/v1/instruments", content=content, headers=headers) for _ in "ab")
    )

    assert first.json() == second.json()
    assert first.json()["removed"] > 3_000
    other = await site.http.post("/api/v1/instruments", content=HEADER, headers=headers)
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_token_of_two_exchanges_is_ambiguous_at_every_door(site: Site) -> None:
    rows = "TWICE,7,NSE,EQ,1,0.05\nTWICE,7,BSE,EQ,1,0.05\n"
    await site.http.post("/api/v1/instruments", content=HEADER + rows, headers=CSV)
    await site.profiles({"U": {"S": ["TWICE"]}})
    seq = site.system.desk.state.seq
    order = {"kind": "order", "client": 1, "instrument": 7, "side": "BUY", "quantity": 1}

    answers = [
        await site.send(
            "POST", "/create_order", {"STRATEGY": "S", "INSTRUMENT": "7", "POSITION": "BUY"}
        ),
        await site.send("POST", "/api/v1/instructions", order),
        await site.send("POST", "/api/v1/profiles", {"V": {"S": ["7"]}}),
        await site.http.get("/api/v1/orders?instrument=7"),
        await site.http.get("/api/v1/open-buys?instrument=7"),
        await site.http.get("/api/v1/positions?instrument=7"),
        await site.http.get("/api/v1/order-log?instrument=7"),
    ]

    assert {(a.status_code, a.json()["code"]) for a in answers} == {(422, "AMBIGUOUS_TOKEN")}
    assert site.system.desk.state.seq == seq
    clear = await site.send("POST", "/api/v1/instructions", {**order, "instrument": "BSE:7"})
    assert clear.json()["exchange"] == "BSE"


async def test_a_price_that_is_out_of_all_bounds_is_a_reason_and_no_crash(site: Site) -> None:
    header = HEADER.replace("tick_size", "tick_size,band_low,band_high")
    rows = "GOLD,1,NSE,EQ,1,0.05,80000000000,90000000000\n"
    await site.http.post("/api/v1/instruments", content=header + rows, headers=CSV)
    await site.profiles({"U": {"S": ["GOLD"]}})
    order = {
        "kind": "order",
        "client": 1,
        "instrument": "GOLD",
        "side": "BUY",
        "quantity": "1000000",
    }

    answer = await site.send("POST", "/api/v1/instructions", order)

    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "REJECTED"


async def test_a_master_that_is_not_journaled_is_not_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = site.system.desk
    before = desk.instruments

    async def execute(_command: LoadInstruments) -> None:
        raise Overloaded

    monkeypatch.setattr(desk, "execute", execute)
    rows = "INFY,1594,NSE,EQ,1,0.1\n"
    refused = await site.http.post("/api/v1/instruments", content=HEADER + rows, headers=CSV)
    monkeypatch.undo()

    assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
    assert desk.instruments is before
    again = await site.http.post("/api/v1/instruments", content=HEADER + rows, headers=CSV)
    assert again.json()["sha256"] == desk.instruments.sha256 == desk.state.instruments_sha256


async def test_a_master_whose_caller_went_away_is_used_when_it_is_sent_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = site.system.desk
    really = desk.execute

    async def execute(command: LoadInstruments) -> None:
        await really(command)
        raise asyncio.CancelledError

    monkeypatch.setattr(desk, "execute", execute)
    content = (HEADER + "INFY,1594,NSE,EQ,1,0.1\n").encode()
    with pytest.raises(asyncio.CancelledError):
        await site.http.post("/api/v1/instruments", content=content, headers=CSV)
    monkeypatch.undo()

    assert desk.instruments.sha256 != desk.state.instruments_sha256
    again = await site.http.post("/api/v1/instruments", content=content, headers=CSV)
    assert again.json()["sha256"] == desk.instruments.sha256 == desk.state.instruments_sha256


async def test_a_start_whose_master_is_not_journaled_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = build(Settings(data=tmp_path / "data"))
    really = Desk.handle

    def handle(desk: Desk, command: Command) -> None:
        if not isinstance(command, LoadInstruments):
            really(desk, command)

    monkeypatch.setattr(Desk, "handle", handle)
    try:
        with pytest.raises(Stopped, match=r"nse.*could not be put into force"):
            await system.start()
        assert len(system.desk.instruments) == 0
    finally:
        await system.stop()
