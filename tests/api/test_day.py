"""The trading day at the doors: the phase of now, the checklist, the calendar and what is put over it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.time import Nanoseconds
from phalanx.engine import commands as c
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site
from tests.unit.domain.test_sessions import at

DAY = "/api/v1/day"
CALENDAR, AUCTION = f"{DAY}/calendar", f"{DAY}/closing-auction"
HEADER = "date,phase,from,to,note\n"
MUHURAT = f"{HEADER}2026-11-08,PRE_OPEN,18:00,18:08,Muhurat\n2026-11-08,CONTINUOUS,18:15,19:15,\n"
FRIDAY = "2026-11-20"
LOCAL = Origin("local", Door.ACCOUNTS)


async def put(site: Site, path: str, content: str, key: str | None = None) -> Any:  # noqa: ANN401
    headers = {"content-type": "text/csv"} | ({} if key is None else {"idempotency-key": key})
    return await site.http.put(path, content=content.encode(), headers=headers)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Hands":
    """The desk's wall clock, where a test may turn it."""
    return Hands(monkeypatch)


class Hands:
    """A wall clock that stands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now: Nanoseconds = at(FRIDAY, "10:00:00")
        monkeypatch.setattr("phalanx.bootstrap.machine.SystemClock.now", lambda _clock: self.now)

    def turn(self, time: str, day: str = FRIDAY) -> None:
        self.now = at(day, time)


@pytest.fixture
async def site(tmp_path: Path, clock: Hands) -> AsyncIterator[Site]:
    """The worked example's people, at ten on a Friday."""
    async with open_site(tmp_path / "data") as opened:
        await opened.profiles(WORKED_EXAMPLE)
        yield opened


def checks(day: Any) -> dict[str, tuple[bool, str]]:  # noqa: ANN401  JSON
    return {one["check"]: (one["ok"], one["detail"]) for one in day["checklist"]}


async def test_the_day_says_which_phase_it_is_and_what_that_takes(site: Site, clock: Hands) -> None:
    clock.turn("15:21:00")
    day = await site.get(DAY)

    assert (day["date"], day["kind"], day["known"]) == (FRIDAY, "NORMAL", True)
    assert day["next_trading_day"] == "2026-11-23"
    equity, auction = day["sessions"]
    assert auction == {
        "class": "CLOSING_AUCTION",
        "phase": "CLOSING_AUCTION",
        "since": "2026-11-20T15:20:00.000000+05:30",
        "until": "2026-11-20T15:25:00.000000+05:30",
        "then": "CLOSING_AUCTION_LIMIT",
        "ord_types": ["MARKET", "LIMIT"],
        "times_in_force": ["DAY"],
        "products": ["DELIVERY", "INTRADAY", "MTF"],
    }
    assert (equity["class"], equity["phase"], equity["then"]) == (
        "EQUITY",
        "CONTINUOUS",
        "QUIESCENT",
    )
    assert equity["ord_types"] == ["MARKET", "LIMIT", "STOP", "STOP_LIMIT"]


async def test_on_a_saturday_nothing_is_taken(site: Site, clock: Hands) -> None:
    clock.turn("10:00:00", "2026-11-21")
    day = await site.get(DAY)

    assert (day["date"], day["kind"]) == ("2026-11-21", "HOLIDAY")
    assert [one["phase"] for one in day["sessions"]] == ["CLOSED", "CLOSED"]
    assert day["sessions"][0]["ord_types"] == []
    assert day["sessions"][0]["since"] is None


async def test_a_desk_that_is_ready_has_every_check_ticked(site: Site) -> None:
    day = await site.get(DAY)

    assert checks(day) == {
        "calendar": (True, "known"),
        "kills": (True, "0 standing"),
        "accounts": (True, "0 not open"),
        "breaks": (True, "0 open"),
        "doubt": (True, "0 instruments with orders in doubt"),
        "arming": (True, "0 live and not armed"),
    }
    assert (day["held_instructions"], day["open_total"], day["open"]) == (0, 0, [])


async def test_what_is_not_ready_is_named(site: Site) -> None:
    desk = site.system.desk
    await desk.execute(c.PutKill(LOCAL))
    account = msgspec.structs.replace(desk.state.accounts["PAPER-1"], mode=Mode.LIVE)
    await desk.execute(c.PutReference(LOCAL, accounts=(account,)))
    desk.closed["PAPER-2"] = "its book is not read yet"

    found = checks(await site.get(DAY))

    assert found["kills"] == (False, "1 standing")
    assert found["accounts"] == (False, "1 not open: PAPER-2")
    assert found["arming"] == (False, "1 live and not armed: PAPER-1")


async def test_what_has_not_ended_is_on_the_list(site: Site) -> None:
    body = {
        "kind": "order",
        "client": 1,
        "instrument": "GRASIM",
        "side": "BUY",
        "quantity": "2",
        "type": "LIMIT",
        "price": "2500",
    }
    placed = await site.send("POST", "/api/v1/instructions", body)
    assert placed.status_code < 300, placed.text

    day = await site.get(DAY)

    assert day["open_total"] == 1
    (order,) = day["open"]
    assert (order["account"], order["symbol"], order["side"]) == ("PAPER-1", "GRASIM", "BUY")
    assert (order["quantity"], order["filled"], order["product"]) == ("2", "0", "DELIVERY")


async def test_a_year_without_a_calendar_is_said_to_be_unknown(site: Site, clock: Hands) -> None:
    clock.turn("10:00:00", "2027-01-04")

    day = await site.get(DAY)

    assert day["known"] is False
    assert checks(day)["calendar"] == (
        False,
        "no calendar of this year: weekdays count as trading days",
    )
    assert (await site.get(CALENDAR))["known"] is False
    await put(site, CALENDAR, f"{HEADER}2027-01-26,HOLIDAY,,,Republic Day\n")
    assert (await site.get(CALENDAR))["known"] is True


async def test_the_calendar_shows_what_was_published_and_what_was_put_over_it(site: Site) -> None:
    published = await site.get(CALENDAR)
    answer = await put(site, CALENDAR, f"{MUHURAT}2026-11-24,NORMAL,,,moved\n")
    changed = await site.get(CALENDAR, year=2026)

    assert (published["year"], len(published["days"]), published["shipped"]) == (2026, 16, True)
    assert "INFY" in published["closing_auction"]
    assert answer.json() == {"days": 2}
    by_date = {one["date"]: one for one in changed["days"]}
    assert by_date["2026-11-08"] == {
        "date": "2026-11-08",
        "kind": "SPECIAL",
        "windows": [
            {"phase": "PRE_OPEN", "from": "18:00", "to": "18:08"},
            {"phase": "CONTINUOUS", "from": "18:15", "to": "19:15"},
        ],
        "note": "Muhurat",
        "overlay": True,
    }
    assert (by_date["2026-11-24"]["kind"], by_date["2026-11-24"]["overlay"]) == ("NORMAL", True)
    assert (by_date["2026-12-25"]["kind"], by_date["2026-12-25"]["overlay"]) == ("HOLIDAY", False)


async def test_a_file_replaces_the_one_before_and_is_taken_away(site: Site) -> None:
    await put(site, CALENDAR, MUHURAT)
    await put(site, CALENDAR, f"{HEADER}2026-11-23,HOLIDAY,,,Elections\n")
    assert (await site.get(DAY))["next_trading_day"] == "2026-11-25"
    assert (await site.send("DELETE", CALENDAR)).json() == {"days": 0}
    assert (await site.get(DAY))["next_trading_day"] == "2026-11-23"


async def test_the_same_key_again_gives_the_same_answer(site: Site) -> None:
    first = await put(site, CALENDAR, MUHURAT, "k")
    seq = site.system.desk.state.seq
    again = await put(site, CALENDAR, MUHURAT, "k")
    other = await site.send("DELETE", CALENDAR, None, "k")

    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert site.system.desk.state.seq == seq
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_bad_line_is_named_and_nothing_is_journaled(site: Site) -> None:
    seq = site.system.desk.state.seq
    answer = await put(site, CALENDAR, f"{MUHURAT}2026-11-31,HOLIDAY,,,\n")

    problem = answer.json()
    assert answer.status_code == 422
    assert (problem["code"], problem["line"], problem["field"]) == ("BAD_DATE", 4, "date")
    assert site.system.desk.state.seq == seq


async def test_the_stocks_with_a_closing_auction_are_named_and_brought_back(site: Site) -> None:
    assert (await put(site, AUCTION, "symbol\nGRASIM\n")).json() == {"stocks": 1}
    named = await site.get(CALENDAR)
    assert (named["closing_auction"], named["shipped"]) == (["GRASIM"], False)

    assert (await site.send("DELETE", AUCTION)).json() == {"stocks": 0}
    assert (await site.get(CALENDAR))["shipped"] is True


async def test_an_order_on_paper_is_held_to_the_day_when_that_is_wanted(
    site: Site, clock: Hands
) -> None:
    clock.turn("16:30:00")
    assert (await site.signal("STRATEGY_A", "GRASIM", "BUY"))["RESPONSE"] == "ACCEPTED"
    await site.send("PATCH", "/api/v1/settings", {"paper_keeps_sessions": True})
    refused = await site.signal("STRATEGY_B", "MINDA", "BUY")

    assert refused["RESPONSE"] == "REJECTED"
    assert [one["reason"] for one in refused["outcomes"]] == ["SESSION_CLOSED"]
    assert (await site.get(DAY))["paper_keeps_sessions"] is True


async def test_the_overlay_is_there_after_a_restart(tmp_path: Path, clock: Hands) -> None:
    async with open_site(tmp_path / "data") as first:
        await put(first, CALENDAR, f"{HEADER}{FRIDAY},HOLIDAY,,,Elections\n")
    async with open_site(tmp_path / "data") as second:
        day = await second.get(DAY)
    assert (day["kind"], day["note"]) == ("HOLIDAY", "Elections")
