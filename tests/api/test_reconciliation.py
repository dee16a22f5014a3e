"""The doors of reconciliation: readings on demand, their reports, and what an account says of its books."""

import csv
import io
from typing import Any

import pytest

from phalanx.api import health, reconciliation
from phalanx.domain.numbers import whole
from tests.api.books import Books
from tests.api.conftest import Site

RECONCILE = "/api/v1/reconcile"
REPORTS = "/api/v1/reconciliation"


@pytest.fixture
def books(example: Site, monkeypatch: pytest.MonkeyPatch) -> Books:
    return Books(example, monkeypatch)


async def reconciled(site: Site, body: object = None) -> dict[str, Any]:
    """The reports of a reading on demand, by account."""
    answer = await site.send("POST", RECONCILE, body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["total"] == len(found["items"])
    return {item["account"]: item for item in found["items"]}


async def test_everybody_is_read_and_matches(example: Site, books: Books) -> None:
    await example.signal("STRATEGY_B", "MINDA", "BUY")

    found = await reconciled(example)

    assert sorted(books.read) == ["PAPER-1", "PAPER-2"]
    holland = found["PAPER-1"]
    assert (holland["client"], holland["client_id"]) == ("Holland Proctor", 1)
    assert (holland["broker"], holland["mode"], holland["status"]) == ("paper", "PAPER", "MATCHED")
    assert (holland["why"], holland["tries"], holland["breaks"]) == (None, 0, [])
    assert holland["orders"] == {
        "ours": 1,
        "theirs": 1,
        "matched": 1,
        "foreign": 0,
        "doubtful": 0,
        "told": True,
    }
    assert holland["trades"]["matched"] == 1
    assert holland["at"].endswith("+05:30")
    assert (holland["differences"], holland["differences_total"]) == ([], 0)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"accounts": ["PAPER-2"]}, ["PAPER-2"]),
        ({"clients": [1]}, ["PAPER-1"]),
        ({"accounts": ["PAPER-1"], "clients": [1, 2]}, ["PAPER-1", "PAPER-2"]),
        ({}, ["PAPER-1", "PAPER-2"]),
    ],
)
async def test_only_who_is_named_is_read(
    example: Site, books: Books, body: object, read: list[str]
) -> None:
    assert list(await reconciled(example, body)) == read
    assert books.read == read


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"accounts": ["PAPER-1", "NOBODY"]}, "UNKNOWN_ACCOUNT", "accounts[1]"),
        ({"clients": [9]}, "UNKNOWN_CLIENT", "clients[0]"),
        ({"accounts": []}, "INVALID_VALUE", "accounts"),
        ({"accounts": "PAPER-1"}, "WRONG_TYPE", "accounts"),
        ({"account": "PAPER-1"}, "UNKNOWN_FIELD", "account"),
    ],
)
async def test_a_name_that_nobody_has_reads_nobody(
    example: Site, books: Books, body: object, code: str, field: str
) -> None:
    answer = await example.send("POST", RECONCILE, body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["field"] == field
    assert books.read == []


async def test_what_differs_is_told_and_then_a_break(example: Site, books: Books) -> None:
    books.cash["PAPER-1"] = whole(5)

    first = (await reconciled(example))["PAPER-1"]
    second = (await reconciled(example))["PAPER-1"]

    assert (first["status"], first["breaks"]) == ("BREAKS", [])
    (difference,) = first["differences"]
    assert (difference["kind"], difference["theirs"]) == ("CASH", "5")
    assert first["cash"] | {"ours": 1, "theirs": 1, "matched": 0, "told": True} == first["cash"]
    (break_id,) = second["breaks"]
    assert (await example.get(f"/api/v1/breaks/{break_id}"))["kind"] == "CASH"


async def test_a_difference_says_whether_a_person_closed_its_break(
    example: Site, books: Books
) -> None:
    books.cash["PAPER-1"] = whole(5)
    await reconciled(example)
    open_break = (await reconciled(example))["PAPER-1"]
    (break_id,) = open_break["breaks"]
    await example.send("POST", f"/api/v1/breaks/{break_id}/close", {"note": "a fee"})

    settled = (await reconciled(example))["PAPER-1"]
    books.cash["PAPER-1"] = whole(6)
    other = (await reconciled(example))["PAPER-1"]

    assert [one["differences"][0]["settled"] for one in (open_break, settled, other)] == [
        *(False, True, False)
    ]
    assert (settled["status"], settled["breaks"]) == ("BREAKS", [])


async def test_differences_are_bounded(
    example: Site, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "DIFFERENCES_MAX", 0)
    books.cash["PAPER-1"] = whole(5)

    found = (await reconciled(example))["PAPER-1"]

    assert (found["differences"], found["differences_total"]) == ([], 1)


async def test_a_book_that_cannot_be_read_says_why(example: Site, books: Books) -> None:
    books.broken.add("PAPER-2")

    found = await reconciled(example)

    assert found["PAPER-1"]["status"] == "MATCHED"
    unread = found["PAPER-2"]
    assert (unread["status"], unread["why"], unread["tries"]) == ("UNREAD", "HTTP 500", 1)


async def test_who_is_not_read_in_time_is_pending(
    example: Site, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "ANSWER_S_MAX", 0.05)
    books.slow.add("PAPER-2")

    found = await reconciled(example)

    assert (found["PAPER-1"]["status"], found["PAPER-2"]["status"]) == ("MATCHED", "PENDING")
    books.released.set()

    async def over() -> bool:
        listed = await example.get(REPORTS, account="PAPER-2")
        return bool(listed["items"][0]["status"] == "MATCHED")

    await example.until(over)


async def test_reports_are_listed_and_filtered(example: Site, books: Books) -> None:
    before = await example.get(REPORTS)
    books.broken.add("PAPER-2")
    await reconciled(example)

    assert (before["total"], before["as_of"]) == (2, example.system.desk.state.seq)
    assert (await example.get(REPORTS, status="MATCHED"))["items"][0]["account"] == "PAPER-1"
    assert (await example.get(REPORTS, status="UNREAD"))["items"][0]["account"] == "PAPER-2"
    assert (await example.get(REPORTS, status="BREAKS"))["total"] == 0
    assert (await example.get(REPORTS, account="NOBODY"))["items"] == []
    page = await example.get(REPORTS, skip=1, limit=1)
    assert ([item["account"] for item in page["items"]], page["total"]) == (["PAPER-2"], 2)


async def test_an_account_that_was_never_read_says_so(example: Site) -> None:
    found = await example.get(REPORTS, account="PAPER-1")

    (report,) = found["items"]
    assert (report["status"], report["at"], report["orders"]) == ("NEVER", None, None)


async def test_reports_as_csv(example: Site, books: Books) -> None:
    books.broken.add("PAPER-2")
    books.cash["PAPER-1"] = whole(5)
    await reconciled(example)
    answer = await example.http.get(REPORTS, params={"format": "csv"})

    first, second = csv.DictReader(io.StringIO(answer.text))
    assert answer.headers["x-total-count"] == "2"
    assert (first["account"], first["status"], first["differences"]) == ("PAPER-1", "BREAKS", "1")
    assert (first["cash_ours"], first["cash_theirs"], first["cash_matched"]) == ("1", "1", "0")
    assert (first["positions_ours"], first["positions_theirs"]) == ("0", "")
    assert (second["status"], second["why"], second["orders_ours"]) == ("UNREAD", "HTTP 500", "")


async def test_many_reports_are_written_in_parts(
    example: Site, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "ROWS_AT_A_TIME", 1)

    assert list(await reconciled(example)) == ["PAPER-1", "PAPER-2"]


async def test_an_account_tells_how_its_book_was_read(example: Site, books: Books) -> None:
    never = await example.get("/api/v1/accounts/PAPER-1")
    books.cash["PAPER-1"] = whole(5)
    await reconciled(example)
    read = await example.get("/api/v1/accounts/PAPER-1")

    assert never["reconciliation"] == {"status": "NEVER", "at": None, "why": None}
    assert read["reconciliation"]["status"] == "BREAKS"
    assert read["reconciliation"]["at"] is not None
    assert (read["open"], read["closed_because"]) == (True, None)
    assert read["broker_kind"] == "L"
    assert (
        read["promise"] == "orders are found by their tags: doubt is settled by reading its books"
    )


async def test_readiness_names_the_closed_ones_up_to_a_bound(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CLOSED_MAX", 1)
    example.system.desk.session("PAPER-1", "the wire was cut")
    example.system.desk.session("PAPER-2", "the wire was cut")

    ready = await example.get("/health/ready")
    account = await example.get("/api/v1/accounts/PAPER-2")

    why = "its session is down: the wire was cut"
    assert ready["accounts"] == [{"account": "PAPER-1", "reason": why}]
    assert (ready["accounts_closed"], ready["ready"]) == (2, True)
    assert (account["open"], account["closed_because"]) == (False, why)
    assert account["reconciliation"]["status"] == "UNREAD"
