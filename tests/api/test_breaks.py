"""Breaks at the doors: listed, taken, settled; and orders in doubt that a person settles."""

import csv
import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from phalanx.bootstrap import System
from phalanx.brokers.port import CancelRequest, PlaceRequest, ReplaceRequest, Ticket, Unknown
from phalanx.desk.reconciling.account_reports import AccountReport
from phalanx.domain.breaks import Break, BreakKind
from phalanx.domain.broker_books import BrokerOrder
from phalanx.domain.events import BreakFiled
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus
from phalanx.domain.time import HOUR, SECOND, iso
from phalanx.engine.apply.reconciliation import break_filed
from tests.api.books import Books
from tests.api.conftest import Site

PATH = "/api/v1/breaks"
ORDER = {
    "kind": "order",
    "account_id": "PAPER-1",
    "instrument": "INFY",
    "side": "BUY",
    "quantity": 5,
}


@pytest.fixture
def books(example: Site, monkeypatch: pytest.MonkeyPatch) -> Books:
    return Books(example, monkeypatch)


async def reconcile(site: Site) -> None:
    answer = await site.send("POST", "/api/v1/reconcile")
    assert answer.status_code == 200, answer.text


async def filed(site: Site, books: Books, account: str = "PAPER-1", cash: int = 5) -> str:
    """The break of an account whose cash is told otherwise twice."""
    books.cash[account] = whole(cash)
    await reconcile(site)
    await reconcile(site)
    found = await site.get(PATH, account=account)
    return str(found["items"][0]["id"])


def later(site: Site, nanoseconds: int) -> str:
    return iso(site.system.desk.clock.now() + nanoseconds, 19_800)


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_an_open_break_says_what_differs(example: Site, books: Books) -> None:
    break_id = await filed(example, books)

    listed = await example.get(PATH)
    one = await example.get(f"{PATH}/{break_id}")

    assert (listed["items"], listed["total"]) == ([one], 1)
    assert (one["account"], one["client"], one["client_id"]) == ("PAPER-1", "Holland Proctor", 1)
    assert (one["kind"], one["ours"], one["theirs"]) == ("CASH", "1000000", "5")
    assert (one["owner"], one["note"], one["overdue"]) == ("", "", False)
    assert (one["ended"], one["ended_at"], one["closed_by"]) == (None, None, None)
    assert one["deadline"] > one["filed_at"]


async def test_one_is_taken_and_keeps_what_is_not_said(example: Site, books: Books) -> None:
    break_id = await filed(example, books)
    until = later(example, HOUR)

    first = await example.send("PATCH", f"{PATH}/{break_id}", {"owner": "asha", "deadline": until})
    second = await example.send("PATCH", f"{PATH}/{break_id}", {"note": "called them"})
    back = await example.send("PATCH", f"{PATH}/{break_id}", {"owner": ""})

    assert first.json() == {"id": break_id, "owner": "asha", "note": "", "deadline": until}
    assert second.json() | {"owner": "asha", "note": "called them"} == second.json()
    assert back.json()["owner"] == ""
    assert (await example.get(f"{PATH}/{break_id}"))["note"] == "called them"


async def test_one_is_closed_with_a_note_and_the_book_is_read_again(
    example: Site, books: Books
) -> None:
    break_id = await filed(example, books)
    del books.cash["PAPER-1"]
    books.read.clear()

    answer = await example.send("POST", f"{PATH}/{break_id}/close", {"note": "a fee"})

    closed = answer.json()
    assert (answer.status_code, closed["ended"], closed["closed_by"]) == (200, "SETTLED", "local")
    one = await example.get(f"{PATH}/{break_id}")
    assert (one["ended"], one["closing_note"]) == ("SETTLED", "a fee")
    assert one["ended_at"] == closed["ended_at"]
    assert (await example.get(PATH))["items"] == []
    assert (await example.get(PATH, status="closed"))["total"] == 1

    async def read() -> bool:
        return "PAPER-1" in books.read

    await example.until(read)


async def test_the_same_key_is_the_same_answer(example: Site, books: Books) -> None:
    break_id = await filed(example, books)
    take = {"owner": "asha", "deadline": later(example, HOUR)}
    taken = [await example.send("PATCH", f"{PATH}/{break_id}", take, "k1") for _ in range(2)]
    close = {"note": "a fee"}
    path = f"{PATH}/{break_id}/close"
    closed = [await example.send("POST", path, close, "k2") for _ in range(2)]
    other = await example.send("POST", path, {"note": "another"}, "k2")

    for first, second in (taken, closed):
        assert first.json() == second.json()
        assert second.headers["idempotent-replayed"] == "true"
    assert problem(other) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_one_that_a_reading_ends_is_matched(example: Site, books: Books) -> None:
    break_id = await filed(example, books)
    del books.cash["PAPER-1"]
    await reconcile(example)

    one = await example.get(f"{PATH}/{break_id}")

    assert (one["ended"], one["closed_by"], one["closing_note"]) == ("MATCHED", None, None)


async def test_filters(example: Site, books: Books) -> None:
    first = await filed(example, books)
    second = await filed(example, books, "PAPER-2")
    await example.send("PATCH", f"{PATH}/{first}", {"owner": "asha"})

    async def ids(**query: str | int) -> list[str]:
        return [item["id"] for item in (await example.get(PATH, **query))["items"]]

    assert await ids() == [second, first]
    assert await ids(owner="asha") == [first]
    assert await ids(owner="") == [second]
    assert await ids(account="PAPER-2") == [second]
    assert await ids(kind="CASH", skip=1) == [first]
    assert await ids(kind="POSITION") == []
    assert await ids(overdue="true") == []
    assert await ids(status="all", limit=1) == [second]
    assert await ids(status="closed") == []


async def test_one_that_is_past_its_deadline_is_overdue(example: Site, books: Books) -> None:
    break_id = await filed(example, books)
    soon = later(example, SECOND)
    taken = await example.send("PATCH", f"{PATH}/{break_id}", {"deadline": soon})
    assert taken.status_code == 200, taken.text

    async def overdue() -> bool:
        items = (await example.get(PATH, overdue="true"))["items"]
        return [(item["id"], item["overdue"]) for item in items] == [(break_id, True)]

    await example.until(overdue)


async def test_breaks_as_csv(example: Site, books: Books) -> None:
    break_id = await filed(example, books)
    answer = await example.http.get(PATH, params={"format": "csv"})

    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["id"], row["kind"], row["overdue"], row["ended"]) == (break_id, "CASH", "false", "")
    assert answer.headers["x-total-count"] == "1"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "NOTHING_TO_CHANGE", None),
        ({"owner": "a" * 129}, "TEXT_TOO_LONG", "owner"),
        ({"owner": "a\tb"}, "INVALID_TEXT", "owner"),
        ({"owner": None}, "WRONG_TYPE", "owner"),
        ({"note": "a" * 501}, "TEXT_TOO_LONG", "note"),
        ({"note": "a\0"}, "INVALID_TEXT", "note"),
        ({"deadline": "tomorrow"}, "INVALID_TIME", "deadline"),
        ({"deadline": "2099-01-01T00:00:00"}, "INVALID_TIME", "deadline"),
        ({"deadline": "2001-01-01T00:00:00+05:30"}, "DEADLINE_PAST", "deadline"),
        ({"deadline": "2099-01-01T00:00:00+05:30"}, "DEADLINE_TOO_FAR", "deadline"),
        ({"status": "closed"}, "UNKNOWN_FIELD", "status"),
    ],
)
async def test_a_change_that_is_none(
    example: Site, books: Books, body: object, code: str, field: str | None
) -> None:
    break_id = await filed(example, books)
    before = await example.get(f"{PATH}/{break_id}")

    answer = await example.send("PATCH", f"{PATH}/{break_id}", body)

    assert problem(answer) == (422, code)
    assert answer.json().get("field") == field
    assert await example.get(f"{PATH}/{break_id}") == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_FIELD"),
        ({"note": ""}, "EMPTY_TEXT"),
        ({"note": " \n"}, "EMPTY_TEXT"),
        ({"note": "a" * 501}, "TEXT_TOO_LONG"),
        ({"note": 7}, "WRONG_TYPE"),
    ],
)
async def test_nothing_is_settled_without_a_word(
    example: Site, books: Books, body: object, code: str
) -> None:
    break_id = await filed(example, books)

    assert problem(await example.send("POST", f"{PATH}/{break_id}/close", body)) == (422, code)
    assert (await example.get(PATH))["total"] == 1


async def test_a_break_that_is_not_there_or_over_is_not_found(example: Site, books: Books) -> None:
    break_id = await filed(example, books)
    await example.send("POST", f"{PATH}/{break_id}/close", {"note": "a fee"})

    for asked in (break_id, "B0"):
        take = await example.send("PATCH", f"{PATH}/{asked}", {"owner": "asha"})
        close = await example.send("POST", f"{PATH}/{asked}/close", {"note": "again"})
        assert problem(take) == problem(close) == (404, "NO_SUCH_BREAK")
    assert problem(await example.http.get(f"{PATH}/B0")) == (404, "NO_SUCH_BREAK")
    assert problem(await example.http.get(PATH, params={"kind": "ODD"})) == (422, "INVALID_VALUE")


class TestAnOrderInDoubt:
    @pytest.fixture(autouse=True)
    def deaf(self, example: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        """The broker takes orders and never answers, and its book is not to be had."""

        def silent(_: PlaceRequest | CancelRequest | ReplaceRequest, ticket: Ticket) -> None:
            if ticket.admit() is None:
                ticket.written()
                ticket.done(Unknown("no answer"))

        async def unread(_: str) -> Any:  # noqa: ANN401  it never returns
            raise ConnectionError("no book")

        assert isinstance(example.system, System)
        paper = example.system._paper
        monkeypatch.setattr(paper, "place", silent)
        monkeypatch.setattr(paper, "book", unread)

    async def doubted(self, site: Site, instrument: str = "INFY") -> str:
        order = {**ORDER, "instrument": instrument}
        answer = await site.send("POST", "/api/v1/instructions", order)
        order_id = str(answer.json()["outcomes"][0]["order_id"])

        async def in_doubt() -> bool:
            return bool((await site.get(f"/api/v1/orders/{order_id}"))["status"] == "IN_DOUBT")

        await site.until(in_doubt)
        return order_id

    async def test_is_settled_as_never_received(self, example: Site) -> None:
        order_id = await self.doubted(example)
        path = f"/api/v1/orders/{order_id}/settle"
        body = {"not_received": True, "note": "their desk says so"}

        first = await example.send("POST", path, body, "k")
        again = await example.send("POST", path, body, "k")

        said = first.json()
        assert first.status_code == 200
        assert (said["order_id"], said["verdict"]) == (order_id, "NOT_RECEIVED")
        assert (said["broker_order_id"], said["note"]) == (None, "their desk says so")
        assert (again.json(), again.headers["idempotent-replayed"]) == (said, "true")
        order = await example.get(f"/api/v1/orders/{order_id}")
        assert (order["status"], order["reason"]) == ("NOT_RECEIVED", "JUDGED_ABSENT")
        log = await example.get("/api/v1/order-log", limit=2)
        assert [line["entry"] for line in log["items"]] == ["END", "JUDGED"]
        assert problem(await example.send("POST", path, body)) == (409, "NOT_IN_DOUBT")

    async def test_is_settled_as_one_of_the_brokers(
        self, example: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order_id, other = await self.doubted(example), await self.doubted(example, "TCS")
        body = {"order_id": "B77", "note": "seen in the terminal"}
        path = f"/api/v1/orders/{order_id}/settle"
        assert problem(await example.send("POST", path, body)) == (409, "ORDER_ID_UNFIT")
        assert isinstance(example.system, System)
        draft = example.system.desk.state.orders[order_id].draft
        what = (draft.instrument, draft.side, draft.product, draft.quantity)
        shown = {"B77": BrokerOrder("B77", "PAPER-1", *what, 0, OrdStatus.NEW)}
        monkeypatch.setattr(AccountReport, "candidate", lambda _, id: shown.get(id))

        answer = await example.send("POST", f"/api/v1/orders/{order_id}/settle", body)
        taken = await example.send("POST", f"/api/v1/orders/{other}/settle", body)

        said = answer.json()
        assert (said["verdict"], said["broker_order_id"]) == ("RECEIVED", "B77")
        order = await example.get(f"/api/v1/orders/{order_id}")
        assert (order["status"], order["broker_order_id"]) == ("NEW", "B77")
        assert problem(taken) == (409, "ORDER_ID_TAKEN")

    async def test_keeps_its_break_until_it_is_judged(self, example: Site) -> None:
        order_id = await self.doubted(example)
        assert isinstance(example.system, System)
        desk = example.system.desk
        account = desk.state.book_of(desk.state.orders[order_id]).account
        found = Break("B1", account, BreakKind.ORDER_IN_DOUBT, order_id, "", "", "?", 1, 2)
        break_filed(desk.state, BreakFiled(1, found))

        refused = await example.send("POST", "/api/v1/breaks/B1/close", {"note": "never mind"})

        assert problem(refused) == (409, "SETTLE_THE_ORDER")

    async def test_may_have_its_request_judged_and_no_other(self, example: Site) -> None:
        order_id = await self.doubted(example)
        path = f"/api/v1/orders/{order_id}/settle"
        body = {"request": "granted", "note": "seen"}

        assert problem(await example.send("POST", path, body)) == (409, "NOT_IN_DOUBT")

    @pytest.mark.parametrize(
        ("body", "code", "field"),
        [
            (
                {"note": "?", "not_received": True, "request": "granted"},
                "CONTRADICTING_FIELDS",
                "request",
            ),
            ({"note": "?"}, "MISSING_FIELD", "order_id"),
            ({"note": "?", "not_received": False}, "MISSING_FIELD", "order_id"),
            (
                {"note": "?", "not_received": True, "order_id": "B1"},
                "CONTRADICTING_FIELDS",
                "not_received",
            ),
            ({"note": "?", "order_id": ""}, "EMPTY_TEXT", "order_id"),
            ({"note": "?", "order_id": "B" * 129}, "TEXT_TOO_LONG", "order_id"),
            ({"note": "", "order_id": "B1"}, "EMPTY_TEXT", "note"),
            ({"note": "a" * 501, "order_id": "B1"}, "TEXT_TOO_LONG", "note"),
            ({"order_id": "B1"}, "MISSING_FIELD", "note"),
        ],
    )
    async def test_is_not_settled_by_half_a_word(
        self, example: Site, body: object, code: str, field: str
    ) -> None:
        order_id = await self.doubted(example)

        answer = await example.send("POST", f"/api/v1/orders/{order_id}/settle", body)

        assert problem(answer) == (422, code)
        assert answer.json()["field"] == field
        assert (await example.get(f"/api/v1/orders/{order_id}"))["status"] == "IN_DOUBT"

    async def test_must_be_one(self, example: Site) -> None:
        body = {"note": "?", "not_received": True}

        answer = await example.send("POST", "/api/v1/orders/NONE/settle", body)

        assert problem(answer) == (404, "UNKNOWN_ORDER")


async def test_a_break_is_on_the_stream(example: Site, books: Books) -> None:
    topic = example.system.desk.stream.topics["breaks"]
    break_id = await filed(example, books)

    (row,) = topic.rows.values()
    shown: Callable[[], Any] = row.message
    assert (shown().break_id, shown().kind, shown().owner) == (break_id, "CASH", "")
    await example.send("PATCH", f"{PATH}/{break_id}", {"owner": "asha"})
    assert topic.rows[break_id].message().owner == "asha"
    await example.send("POST", f"{PATH}/{break_id}/close", {"note": "a fee"})
    assert topic.rows == {}
