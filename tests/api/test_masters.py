"""A broker's daily master: compared, loaded, refused, and what it means for orders."""

from pathlib import Path
from typing import Any

import pytest

from phalanx.api.instruments import CHANGES_MAX
from phalanx.domain.events import InstrumentsLoaded
from tests.api.conftest import Site, open_site
from tests.unit.market.motilal_master.scrip_master import FUTURE, INFY, OPTION, csv_of, json_of

CSV = {"content-type": "text/csv"}
LOAD, DIFF = "/api/v1/instruments/load", "/api/v1/instruments/diff"
FEWER = "?accept_fewer=true"
OF_BSE = {**INFY, "exchangename": "BSE", "scripcode": "500209", "optiontype": "A"}
CONTENT = csv_of(OF_BSE, OPTION, FUTURE)


async def _sent(site: Site, path: str, content: bytes = CONTENT, **headers: str) -> Any:  # noqa: ANN401
    answer = await site.http.post(path, content=content, headers={**CSV, **headers})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_master_is_loaded_beside_what_other_exchanges_have(site: Site) -> None:
    desk = site.system.desk
    before = len(desk.instruments)

    report = await _sent(site, LOAD)

    assert (report["added"], report["changed"], report["removed"]) == (3, 0, 0)
    assert report["sha256"] == desk.instruments.sha256 == desk.state.instruments_sha256
    assert [one["instrument"] for one in report["changes"]] == [
        "BSE:500209",
        "MCX:991",
        "NSEFO:43215",
    ]
    assert (report["left_out"], report["flaws"], report["rows"]) == (0, {}, [])
    assert len(desk.instruments) == before + 3
    found = await site.get("/api/v1/instruments/search", q="nifty 31 dec 17000 ce", limit=1)
    assert found["items"][0] | {"last_price": None, "price_source": None} == {
        "symbol": "NIFTY 31-DEC-2026 17000 CE",
        "exchange": "NSEFO",
        "token_id": "43215",
        "instrument_type": "OPTIDX",
        "lot_size": "75",
        "tick_size": "0.05",
        "isin": "",
        "tradable": True,
        "last_price": None,
        "price_source": None,
        "name": "",
        "series": "",
        "trade_to_trade": False,
        "banned": False,
        "freeze_quantity": "1800",
        "band_low": None,
        "band_high": None,
        "expiry": "2026-12-31",
        "strike": "17000",
        "right": "CE",
    }


async def test_the_next_day_says_what_is_new_what_changed_and_what_is_gone(site: Site) -> None:
    await _sent(site, LOAD)
    next_day = csv_of(
        {**OF_BSE, "ticksize": "0.05", "maxqtyperorder": "100"},
        {**FUTURE, "scripcode": "992", "scripname": "GOLD 05-Feb-2027"},
        FUTURE,
    )

    compared = await _sent(site, DIFF, next_day)
    report = await _sent(site, LOAD, next_day)

    assert (report["added"], report["changed"], report["removed"]) == (1, 1, 0)
    assert compared == {**report, "sha256": compared["sha256"]}
    assert report["changes"] == [
        {
            "instrument": "BSE:500209",
            "symbol": "INFY",
            "what": "CHANGED",
            "fields": [
                {"field": "tick_size", "before": "0.1", "after": "0.05"},
                {"field": "freeze_quantity", "before": "", "after": "100"},
            ],
        },
        {"instrument": "MCX:992", "symbol": "GOLD 05-FEB-2027 FUT", "what": "ADDED", "fields": []},
    ]
    gone = await _sent(site, DIFF, csv_of({**FUTURE, "scripcode": "992"}))
    assert [(one["instrument"], one["what"]) for one in gone["changes"]] == [
        ("MCX:992", "CHANGED"),
        ("MCX:991", "REMOVED"),
    ]


async def test_a_comparison_changes_nothing_and_comes_as_csv_too(site: Site) -> None:
    desk = site.system.desk
    before, seq = desk.instruments, desk.state.seq

    answer = await site.http.post(f"{DIFF}?format=csv&limit=2", content=CONTENT, headers=CSV)

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-total-count"] == "3"
    assert answer.text.splitlines() == [
        "instrument,symbol,what,field,before,after",
        "BSE:500209,INFY,ADDED,,,",
        "MCX:991,GOLD 31-DEC-2026 FUT,ADDED,,,",
    ]
    assert desk.instruments is before
    assert desk.state.seq == seq


async def test_the_csv_has_a_line_for_each_field_that_is_another_now(site: Site) -> None:
    await _sent(site, LOAD)
    changed = csv_of({**OF_BSE, "ticksize": "1", "marketlot": "5"})

    answer = await site.http.post(f"{DIFF}?format=csv", content=changed, headers=CSV)

    assert answer.text.splitlines()[1:] == [
        "BSE:500209,INFY,CHANGED,lot_size,1,5",
        "BSE:500209,INFY,CHANGED,tick_size,0.1,1",
    ]


async def test_rows_that_are_no_instruments_are_told_with_line_and_code(site: Site) -> None:
    content = csv_of(FUTURE, {**OPTION, "marketlot": "0"}, {**OF_BSE, "ticksize": "0.000"})

    report = await _sent(site, LOAD, content)

    assert (report["added"], report["left_out"]) == (2, 1)
    assert report["flaws"] == {"DEFAULT_TICK": 1, "NOT_POSITIVE": 1}
    assert [(row["line"], row["code"], row["is_left_out"]) for row in report["rows"]] == [
        (3, "NOT_POSITIVE", True),
        (4, "DEFAULT_TICK", False),
    ]


async def test_a_file_that_lost_most_of_an_exchange_is_refused_whole(site: Site) -> None:
    desk = site.system.desk
    before, seq = desk.instruments, desk.state.seq
    content = csv_of(INFY, OF_BSE)

    refused = await site.http.post(LOAD, content=content, headers=CSV)

    assert (refused.status_code, refused.json()["code"]) == (422, "MASTER_REFUSED")
    assert "1 instruments of NSE, and 3098 are in force" in refused.json()["detail"]
    assert desk.instruments is before
    assert desk.state.seq == seq
    compared = await _sent(site, DIFF, content)
    assert compared["removed"] == 3_097
    report = await _sent(site, LOAD + FEWER, content)
    assert report["removed"] == 3_097
    assert len(report["changes"]) == CHANGES_MAX
    assert len(desk.instruments) == 2


@pytest.mark.parametrize("path", [LOAD, DIFF])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_FILE"),
        (csv_of(), "EMPTY_FILE"),
        (b"surplus\n1\n", "MISSING_COLUMN"),
        (b"scripcode," + CONTENT, "DUPLICATE_COLUMN"),
        (b'"open\n', "BAD_CSV"),
        (b"\xff\n", "NOT_UTF8"),
        (b"{", "BAD_JSON"),
    ],
    ids=["empty", "header", "other", "twice", "quote", "latin", "json"],
)
async def test_a_file_that_is_no_master_is_refused(
    site: Site, path: str, content: bytes, code: str
) -> None:
    seq = site.system.desk.state.seq

    refused = await site.http.post(path, content=content, headers=CSV)

    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert site.system.desk.state.seq == seq


async def test_too_many_bad_rows_refuse_the_file(site: Site) -> None:
    content = csv_of(FUTURE, *[{**OPTION, "marketlot": "0"}] * 21)

    for path in (LOAD, DIFF):
        refused = await site.http.post(path, content=content, headers=CSV)
        assert (refused.status_code, refused.json()["code"]) == (422, "MASTER_REFUSED")


async def test_what_somebody_holds_does_not_lose_its_instrument(example: Site) -> None:
    await example.signal("STRATEGY_B", "MINDA", "BUY")

    await _sent(example, LOAD + FEWER, csv_of(INFY))

    desk = example.system.desk
    held = desk.instruments.resolve("UNOMINDA")
    assert held is not None
    assert not held.tradable
    assert desk.instruments.resolve("TCS") is None
    (row,) = await example.get("/api/v1/open-buys")
    assert row["instrument"] == "MINDA"


async def test_a_repeat_tells_the_same_and_does_nothing(tmp_path: Path) -> None:
    key = {"idempotency-key": "k"}
    content = csv_of(FUTURE, {**OPTION, "marketlot": "0"})
    async with open_site(tmp_path) as site:
        first = await _sent(site, LOAD, content, **key)
        await _sent(site, LOAD, csv_of({**FUTURE, "ticksize": "5"}))
        again = await _sent(site, LOAD, content, **key)
        other = await site.http.post(LOAD + FEWER, content=content, headers={**CSV, **key})
    async with open_site(tmp_path) as site:
        after = await _sent(site, LOAD, content, **key)

    assert first == again == after
    assert first["added"] == 1
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_load_is_journaled_with_its_name_and_counts_and_stays(tmp_path: Path) -> None:
    told: list[InstrumentsLoaded] = []
    async with open_site(tmp_path) as site:
        site.system.desk.observe(
            lambda events, _: told.extend(
                one for one in events if isinstance(one, InstrumentsLoaded)
            )
        )
        await _sent(site, f"{LOAD}?name=scrips.csv")
        await _sent(site, f"{LOAD}?name=again.csv")
        sha256 = site.system.desk.instruments.sha256
    async with open_site(tmp_path) as site:
        assert site.system.desk.instruments.sha256 == sha256
        assert site.system.desk.instruments.get("MCX:991") is not None

    (event,) = told
    assert (event.name, event.added, event.changed, event.removed) == ("scrips.csv", 3, 0, 0)


async def test_json_brings_the_prices_of_the_day(site: Site) -> None:
    row = {**OF_BSE, "lowercircuitprice": 90.5, "uppercircuitprice": 110}
    await _sent(site, LOAD, json_of(row))

    found = await site.get("/api/v1/instruments/search", q="BSE:500209", limit=1)

    assert (found["items"][0]["band_low"], found["items"][0]["band_high"]) == ("90.5", "110")


async def test_our_own_form_can_be_loaded(site: Site) -> None:
    header = "symbol,token_id,exchange,instrument_type,lot_size,tick_size,series\n"
    report = await _sent(
        site, f"{LOAD}?source=phalanx", (header + "X,7,BSE,EQ,1,0.05,T\n").encode()
    )

    assert report["added"] == 1
    found = await site.get("/api/v1/instruments/search", q="X BSE", limit=1)
    assert found["items"][0]["trade_to_trade"]


async def test_a_stock_that_is_traded_for_delivery_only_is_not_bought_intraday(site: Site) -> None:
    header = "symbol,token_id,exchange,instrument_type,lot_size,tick_size,series\n"
    await site.http.post(
        "/api/v1/instruments", content=header + "TCS,11536,NSE,EQ,1,0.1,BE\n", headers=CSV
    )
    await site.profiles({"U": {"S": ["TCS"]}})
    order = {"kind": "order", "client": 1, "instrument": "TCS", "side": "BUY", "quantity": "1"}

    refused = await site.send("POST", "/api/v1/instructions", {**order, "product": "INTRADAY"})
    taken = await site.send("POST", "/api/v1/instructions", {**order, "product": "DELIVERY"})

    assert refused.json()["status"] == "REJECTED"
    assert "TRADE_TO_TRADE" in refused.text
    assert taken.json()["status"] != "REJECTED"
