"""Priority lists: sent as JSON or as CSV, shown with the names of their maker."""

from typing import Any

import pytest

from phalanx.desk.recovery import event_at
from phalanx.domain.events import ListPut
from phalanx.domain.instructions import Door
from tests.api.conftest import Site

NIFTY = "/api/v1/priority-lists/nifty"
CSV = {"content-type": "text/csv"}


async def put(site: Site, instruments: list[Any], key: str | None = None) -> Any:  # noqa: ANN401  JSON
    answer = await site.send("PUT", NIFTY, {"instruments": instruments}, key)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def put_csv(site: Site, content: str | bytes) -> Any:  # noqa: ANN401  JSON
    answer = await site.http.put(NIFTY, content=content, headers=CSV)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_list_repeats_the_names_of_its_maker(site: Site) -> None:
    found = await put(site, ["RELIANCE", "EICHER", 1594, "NSE:11536"])

    first, second, third, fourth = found["instruments"]
    assert first == {
        "instrument": "RELIANCE",
        "symbol": "RELIANCE",
        "exchange": "NSE",
        "token_id": "2885",
        "rank": 1,
    }
    assert (second["instrument"], second["symbol"], second["rank"]) == ("EICHER", "EICHERMOT", 2)
    assert (third["instrument"], third["symbol"]) == ("1594", "INFY")
    assert (fourth["instrument"], fourth["symbol"]) == ("NSE:11536", "TCS")
    assert await site.get(NIFTY) == found
    kept = site.system.desk.state.lists["nifty"]
    assert kept.called == ("RELIANCE", "EICHER", "1594", "NSE:11536")


@pytest.mark.parametrize(
    "content",
    [
        "instrument\nRELIANCE\nTCS\n",
        "symbol\r\nRELIANCE\r\nTCS\r\n",
        '\ufeffrank,instrument\n2,"TCS"\n\n1,RELIANCE',
        "instrument,symbol,exchange,token_id,rank\nRELIANCE,X,X,X,1\nTCS,,,,2\n",
    ],
)
async def test_a_list_may_be_a_csv(site: Site, content: str) -> None:
    found = await put_csv(site, content.encode())

    assert [one["symbol"] for one in found["instruments"]] == ["RELIANCE", "TCS"]


async def test_both_ways_of_writing_are_one_request(site: Site) -> None:
    first = await put(site, ["RELIANCE", "TCS"], "k")
    headers = {**CSV, "idempotency-key": "k"}

    again = await site.http.put(NIFTY, content="instrument\nRELIANCE\nTCS\n", headers=headers)

    assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")


async def test_local_instruments_may_be_listed(site: Site) -> None:
    await site.profiles({"U": {"S": ["MY OWN"]}})

    found = await put(site, ["MY OWN", "RELIANCE"])

    assert (found["instruments"][0]["exchange"], found["instruments"][0]["symbol"]) == (
        "LOCAL",
        "MY OWN",
    )


async def test_lists_are_listed_changed_and_removed(site: Site) -> None:
    await put(site, ["RELIANCE"])
    await put(site, ["TCS", "RELIANCE"])
    await site.send("PUT", "/api/v1/priority-lists/small", {"instruments": ["INFY"]})

    found = await site.get("/api/v1/priority-lists")
    answer = await site.send("DELETE", NIFTY, key="k")
    again = await site.send("DELETE", NIFTY, key="k")

    assert (found["total"], [one["name"] for one in found["items"]]) == (2, ["nifty", "small"])
    assert [one["symbol"] for one in found["items"][0]["instruments"]] == ["TCS", "RELIANCE"]
    assert answer.json() == again.json() == {"name": "nifty", "removed": True}
    assert (await site.get("/api/v1/priority-lists"))["total"] == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_list_that_is_not_there(site: Site, method: str) -> None:
    answer = await site.send(method, NIFTY)

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_a_change_is_one_event_that_tells_who_asked(site: Site) -> None:
    desk = site.system.desk
    seq = desk.state.seq
    await put(site, ["RELIANCE"], "k")
    await put(site, ["RELIANCE"])

    event = event_at(desk._ports.journal, seq + 1)
    assert desk.state.seq == seq + 1
    assert isinstance(event, ListPut)
    assert (event.origin.door, event.origin.idempotency_key) == (Door.LISTS, "k")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"instruments": ["RELIANCE", "NOSUCH"]}, "UNKNOWN_INSTRUMENT", "instruments[1]"),
        ({"instruments": ["EICHER", "EICHERMOT"]}, "DUPLICATE_INSTRUMENT", "instruments[1]"),
        ({"instruments": ["RELIANCE", ""]}, "EMPTY_TEXT", "instruments[1]"),
        ({"instruments": ["a\x07"]}, "INVALID_TEXT", "instruments[0]"),
        ({"instruments": []}, "INVALID_VALUE", "instruments"),
        ({"instruments": ["X"] * 1_001}, "INVALID_VALUE", "instruments"),
        ({"instruments": [1.5]}, "WRONG_TYPE", "instruments[0]"),
        ({"instruments": "RELIANCE"}, "WRONG_TYPE", "instruments"),
        ({}, "MISSING_FIELD", "instruments"),
        ({"instruments": ["RELIANCE"], "name": "x"}, "UNKNOWN_FIELD", "name"),
    ],
)
async def test_a_body_that_is_no_list(site: Site, body: object, code: str, field: str) -> None:
    seq = site.system.desk.state.seq
    answer = await site.send("PUT", NIFTY, body)

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, code, field)
    assert site.system.desk.state.seq == seq


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "EMPTY_FILE", None),
        (b"instrument\n", "EMPTY_FILE", None),
        (b"rank\n1\n", "MISSING_COLUMN", 1),
        (b"name\nRELIANCE\n", "UNKNOWN_COLUMN", 1),
        (b"instrument\nRELIANCE\nNOSUCH\n", "UNKNOWN_INSTRUMENT", 3),
        (b"instrument\nRELIANCE\n2885\n", "DUPLICATE_INSTRUMENT", 3),
        (b"instrument,rank\nRELIANCE,1\n,2\n", "EMPTY_FIELD", 3),
        (b"instrument,rank\nRELIANCE,1\nTCS,\n", "BAD_RANK", 3),
        (b"instrument,rank\nRELIANCE,1\nTCS,1\n", "BAD_RANK", 3),
        (b"instrument,rank\nRELIANCE,first\n", "BAD_RANK", 2),
        (b"instrument\n\xff\n", "NOT_UTF8", 2),
        (b"instrument\n" + b"X\n" * 1_001, "TOO_MANY_ROWS", None),
        (b"instrument\n" + b"a" * 129, "FIELD_TOO_LONG", 2),
    ],
)
async def test_a_csv_that_is_no_list(
    site: Site, content: bytes, code: str, line: int | None
) -> None:
    seq = site.system.desk.state.seq
    answer = await site.http.put(NIFTY, content=content, headers=CSV)

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem.get("line")) == (422, code, line)
    assert site.system.desk.state.seq == seq


async def test_anything_else_is_no_list_at_all(site: Site) -> None:
    answer = await site.http.put(NIFTY, content="x", headers={"content-type": "text/plain"})

    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
