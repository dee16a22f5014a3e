import asyncio
from pathlib import Path
from typing import Any

import pytest

from phalanx.api.instruments import CHANGES_MAX
from phalanx.bootstrap import build
from phalanx.config import Settings
from phalanx.desk.desk import Desk
from phalanx.desk.errors import Overloaded, Stopped
from phalanx.domain.instructions import Door, Origin
from phalanx.engine.commands import Command, LoadInstruments
from tests.api.conftest import Site, open_site

HEADER = "symbol,token_id,exchange,instrument_type,lot_size,tick_size\n"
CSV = {"content-type": "text/csv"}
NEW = "NEWX,T7,NSE,EQ,1,0.05\n"


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
        "name": "",
        "series": "",
        "trade_to_trade": False,
        "banned": False,
        "freeze_quantity": None,
        "band_low": None,
        "band_high": None,
        "expiry": "",
        "strike": None,
        "right": "",
    }


async def _import(site: Site, rows: str, header: str = HEADER) -> Any:  # noqa: ANN401  JSON
    answer = await site.http.post("/api/v1/instruments", content=header + rows, headers=CSV)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_a_file_does_not_name_stays(example: Site) -> None:
    desk = example.system.desk
    before = list(desk.instruments)
    await example.signal("STRATEGY_B", "MINDA", "BUY")

    report = await _import(example, NEW)

    assert (report["added"], report["changed"], report["removed"]) == (1, 0, 0)
    assert report["sha256"] == desk.instruments.sha256 == desk.state.instruments_sha256
    assert [one.symbol for one in desk.instruments] == [*(one.symbol for one in before), "NEWX"]
    assert len(before) == 3_098
    sold = await example.signal("STRATEGY_B", "MINDA", "SELL")
    assert sold["RESPONSE"] == "ACCEPTED"
    assert await example.get("/api/v1/open-buys") == []


async def test_a_row_changes_the_instrument_with_its_key(site: Site) -> None:
    report = await _import(site, "INFY,1594,NSE,EQ,5,0.1\nNEWX,T7,NSE,EQ,1,0.05\n")

    assert (report["added"], report["changed"], report["removed"]) == (1, 1, 0)
    found = await site.get("/api/v1/instruments/search", q="INFY", limit=1)
    assert (found["items"][0]["token_id"], found["items"][0]["lot_size"]) == ("1594", "5")


async def test_what_a_file_changes_is_told_field_by_field(site: Site) -> None:
    report = await _import(site, NEW + "INFY,1594,NSE,EQ,5,0.05\n")

    assert report["changes"] == [
        {
            "instrument": "NSE:1594",
            "symbol": "INFY",
            "what": "CHANGED",
            "fields": [
                {"field": "lot_size", "before": "1", "after": "5"},
                {"field": "tick_size", "before": "0.1", "after": "0.05"},
            ],
        },
        {"instrument": "NSE:T7", "symbol": "NEWX", "what": "ADDED", "fields": []},
    ]


async def test_a_large_import_tells_the_first_changes_only(site: Site) -> None:
    rows = "".join(f"N{number},T{number},NSE,EQ,1,0.05\n" for number in range(CHANGES_MAX + 5))
    report = await _import(site, "INFY,1594,NSE,EQ,5,0.1\n" + rows)

    assert (report["added"], len(report["changes"])) == (CHANGES_MAX + 5, CHANGES_MAX)
    assert [one["what"] for one in report["changes"][:2]] == ["CHANGED", "ADDED"]


async def test_a_repeat_tells_the_changes_of_the_first_time(tmp_path: Path) -> None:
    headers = {**CSV, "idempotency-key": "k"}
    content = HEADER + "INFY,1594,NSE,EQ,5,0.1\n"

    async def ask(site: Site) -> Any:  # noqa: ANN401  JSON
        answer = await site.http.post("/api/v1/instruments", content=content, headers=headers)
        return answer.json()

    async with open_site(tmp_path) as site:
        first = await ask(site)
        await _import(site, "INFY,1594,NSE,EQ,7,0.1\n")
        again = await ask(site)
    async with open_site(tmp_path) as site:
        after = await ask(site)

    assert first["changes"][0]["fields"] == [{"field": "lot_size", "before": "1", "after": "5"}]
    assert first == again == after


async def test_what_is_no_longer_traded_is_imported_as_such(site: Site) -> None:
    header = HEADER.replace("tick_size", "tick_size,tradable")
    await _import(site, "INFY,1594,NSE,EQ,1,0.1,false\n", header)

    found = await site.get("/api/v1/instruments/search", q="INFY", limit=1)
    assert not found["items"][0]["tradable"]
    other = await site.get("/api/v1/instruments/search", q="RELIANCE", limit=1)
    assert other["items"][0]["tradable"]


async def test_the_same_file_again_journals_nothing(site: Site) -> None:
    first = await _import(site, NEW)
    seq = site.system.desk.state.seq

    again = await _import(site, NEW)

    nothing = {"added": 0, "changed": 0, "removed": 0, "changes": []}
    assert again == {**nothing, "sha256": first["sha256"]}
    assert site.system.desk.state.seq == seq


async def test_a_restart_with_the_file_keeps_everything(tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    file.write_text(HEADER + NEW)
    async with open_site(tmp_path / "data", instruments=file) as site:
        sha256 = site.system.desk.instruments.sha256
        assert len(site.system.desk.instruments) == 3_099
        await _import(site, "OTHERX,T8,NSE,EQ,1,0.05\n")
    async with open_site(tmp_path / "data", instruments=file) as site:
        desk = site.system.desk
        assert len(desk.instruments) == 3_100
        assert desk.instruments.sha256 == desk.state.instruments_sha256 != sha256


async def test_a_folder_with_a_file_of_before_keeps_working(tmp_path: Path) -> None:
    """Its hash is of the file as it was sent: another way of writing than ours."""
    content = "tick_size,symbol,token_id,exchange,instrument_type,lot_size\r\n0.050,A,1,NSE,EQ,1.0"
    system = build(Settings(data=tmp_path))
    try:
        await system.start()
        sha256 = system.instruments_store.save(content.encode())
        await system.desk.execute(LoadInstruments(Origin("u", Door.IMPORT), sha256, 1, "old.csv"))
    finally:
        await system.stop()
    async with open_site(tmp_path) as site:
        same = await _import(site, "A,1,NSE,EQ,1,0.05\n")
        nothing = {"added": 0, "changed": 0, "removed": 0, "changes": []}
        assert same == {**nothing, "sha256": sha256}
        await _import(site, NEW)
    async with open_site(tmp_path) as site:
        assert [one.symbol for one in site.system.desk.instruments] == ["A", "NEWX"]


async def test_a_symbol_of_another_token_is_refused_and_nothing_is_applied(site: Site) -> None:
    desk = site.system.desk
    before, seq = desk.instruments, desk.state.seq
    content = HEADER + NEW + "RELIANCE,T9,NSE,EQ,1,0.1\n"

    refused = await site.http.post("/api/v1/instruments", content=content, headers=CSV)

    assert (refused.status_code, refused.json()["code"]) == (422, "DUPLICATE_KEY")
    assert "'RELIANCE' of NSE would belong to the tokens 2885 and T9" in refused.text
    assert (desk.instruments, desk.state.seq) == (before, seq)
    report = await _import(site, "RELIANCE,T9,NSE,EQ,1,0.1\nRELOLD,2885,NSE,EQ,1,0.1\n")
    assert (report["added"], report["changed"]) == (1, 1)


async def test_two_files_at_once_do_not_lose_one_another(site: Site) -> None:
    files = [(HEADER + f"NEWX{n},T{n},NSE,EQ,1,0.05\n").encode() for n in range(4)]

    await asyncio.gather(
        *(site.system.import_instruments(file, "f.csv", Origin("u", Door.IMPORT)) for file in files)
    )

    desk = site.system.desk
    assert len(desk.instruments) == 3_102
    assert desk.instruments.sha256 == desk.state.instruments_sha256


async def test_two_at_once_under_one_key_are_one_import(site: Site) -> None:
    content = HEADER + NEW
    headers = {**CSV, "idempotency-key": "k"}

    first, second = await asyncio.gather(
        *(site.http.post("/api/v1/instruments", content=content, headers=headers) for _ in "ab")
    )

    assert first.json() == second.json()
    assert first.json()["added"] == 1
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
    rows = NEW
    refused = await site.http.post("/api/v1/instruments", content=HEADER + rows, headers=CSV)
    monkeypatch.undo()

    assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
    assert desk.instruments is before
    again = await site.http.post("/api/v1/instruments", content=HEADER + rows, headers=CSV)
    assert again.json()["sha256"] == desk.instruments.sha256 == desk.state.instruments_sha256


async def test_a_master_whose_caller_went_away_is_what_the_next_one_adds_to(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = site.system.desk
    really = desk.execute

    async def execute(command: LoadInstruments) -> None:
        await really(command)
        raise asyncio.CancelledError

    monkeypatch.setattr(desk, "execute", execute)
    content = (HEADER + NEW).encode()
    with pytest.raises(asyncio.CancelledError):
        await site.http.post("/api/v1/instruments", content=content, headers=CSV)
    monkeypatch.undo()

    assert desk.instruments.sha256 != desk.state.instruments_sha256
    await _import(site, "OTHERX,T8,NSE,EQ,1,0.05\n")
    assert desk.instruments.sha256 == desk.state.instruments_sha256
    assert [one.symbol for one in desk.instruments][-2:] == ["NEWX", "OTHERX"]


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
