"""What happens as lines with stable columns, or as JSON lines."""

import io
import json

import pytest

from phalanx.cli.display.screen import Screen
from phalanx.cli.exit_codes import Exit
from phalanx.cli.watching.filters import Filters
from phalanx.cli.watching.lines import Lines, line
from phalanx.cli.watching.messages import Enough, Message
from tests.unit.cli.doubles import FakeServer, run

NOON_NS = 1_763_610_000_123_456_789
ORDER = {
    "order_id": "AB00000001",
    "account": "PAPER-1",
    "side": "BUY",
    "quantity": "10",
    "symbol": "LT",
    "status": "FILLED",
    "filled": "10",
    "average_price": "3659.8",
    "tat_ns": 1_500_000,
    "flag": "LATE",
    "time_ns": NOON_NS,
}
INSTRUCTION = {
    "instruction_id": "IAB00000001",
    "kind": "signal",
    "text": "S BUY X",
    "status": "DONE",
    "orders": 3,
    "skips": 2,
    "outcomes": {"FILLED": 2, "NOT_RECEIVED": 1},
    "reason": None,
    "time_ns": NOON_NS,
}
LOGGED = {
    "seq": 7,
    "time": "2026-11-20T09:10:00.123456+05:30",
    "entry": "FILL",
    "order_id": "AB00000001",
    "account": "PAPER-1",
    "side": "SELL",
    "quantity": "10",
    "symbol": "LT",
    "price": "99.5",
    "status": "FILLED",
    "text": "",
}


def told(
    lines_of: Message, *, as_json: bool = False, count: int | None = None, backlog: bool = False
) -> list[str]:
    out = io.StringIO()
    topics = ("orders", "desk")
    screen = Screen(as_json=as_json, out=out)
    lines = Lines(screen, topics, Filters(()), count=count, backlog=backlog)
    lines.take(lines_of)
    lines.recall([LOGGED])
    return out.getvalue().splitlines()


def test_the_columns_stand_where_they_always_stand() -> None:
    texts = [line("orders", ORDER), line("instructions", INSTRUCTION), line("order-log", LOGGED)]

    for text in texts:
        assert text.startswith("09:10:00.123  ")
        assert [text[at - 2 : at] for at in (14, 27, 40, 52, 84)] == ["  "] * 5
    assert [text[14:25].strip() for text in texts] == ["order", "instruction", "log"]
    assert [text[84:].split("  ")[0] for text in texts] == ["FILLED", "DONE", "FILL"]


def test_an_order() -> None:
    assert line("orders", ORDER).split("  ")[-3:] == ["filled 10 at 3659.8", "TAT 1.50 ms", "LATE"]
    assert "filled" not in line("orders", {**ORDER, "filled": "0"})
    rejected = {**ORDER, "reason": "BROKER_REJECTED", "message": "no margin"}
    assert line("orders", rejected).endswith("LATE  BROKER_REJECTED  no margin")


def test_an_instruction() -> None:
    assert line("instructions", INSTRUCTION).endswith(
        "DONE              3 orders, 2 skipped  2 filled, 1 not received"
    )
    rejected = {**INSTRUCTION, "outcomes": {}, "reason": "NOTHING_VALID"}
    assert line("instructions", rejected).endswith("2 skipped  NOTHING_VALID")


def test_an_account_and_a_switch() -> None:
    account = {"account": "PAPER-1", "cash": "10", "open_orders": 2}

    assert line("accounts", account).split() == ["account", "PAPER-1", "cash", "10", "2", "open"]
    assert line("desk", {"name": "kill:all", "text": "killed"}).split() == [
        *("desk", "kill:all", "killed"),
    ]
    assert line("desk", {"name": "term", "text": "epoch 1"}).startswith(" " * 12)


def test_a_break() -> None:
    found = {
        "break_id": "B1",
        "account": "PAPER-1",
        "kind": "ORDER_MISSING",
        "subject": "AB1",
        "ours": "NEW",
        "theirs": "",
        "reason": "gone",
        "owner": "asha",
        "note": "",
        "time_ns": 0,
    }

    assert line("breaks", found).split() == [
        *("break", "B1", "PAPER-1", "ORDER_MISSING", "AB1", "asha"),
        *("ours", "NEW,", "theirs", "-", "gone"),
    ]


def test_a_quote() -> None:
    told: dict[str, object] = {
        "instrument": "NSE:2885",
        "symbol": "RELIANCE",
        "last": "1364.5",
        "bid": "1364",
        "ask": None,
        "low": "1350",
        "high": "1370",
        "volume": "9",
        "source": "FEED",
        "is_stale": False,
        "time_ns": 0,
    }

    assert line("quotes", told).split() == [
        *("quote", "NSE:2885", "RELIANCE", "1364.5", "FEED"),
        *("bid", "1364", "ask", "-", "day", "1350", "to", "1370", "volume", "9"),
    ]
    bare = {**told, "bid": None, "volume": "0", "is_stale": True}
    assert line("quotes", bare).split()[2:] == [
        *("RELIANCE", "1364.5", "STALE", "day", "1350", "to", "1370"),
    ]


BREAK = {
    "break_id": "B1",
    "account": "PAPER-1",
    "kind": "CASH",
    "owner": "asha",
    "time_ns": NOON_NS,
}


@pytest.mark.parametrize(
    ("filters", "shown"), [((), 2), (("account=PAPER-1",), 2), (("account=PAPER-2",), 0)]
)
def test_the_end_of_a_break_is_a_line_too(filters: tuple[str, ...], shown: int) -> None:
    out = io.StringIO()
    lines = Lines(Screen(as_json=False, out=out), ("breaks",), Filters(filters))

    lines.take(Message("breaks", "snapshot", items=[BREAK]))
    lines.take(Message("breaks", "delta", items=[{**BREAK, "note": "mine"}]))
    lines.take(Message("breaks", "delta", gone=["B1"]))

    said = out.getvalue().splitlines()
    assert len(said) == shown
    if said:
        assert said[0].startswith("09:10:00.123  break        B1 ")
        assert said[1].startswith(" " * 14 + "break        B1 ")
        assert "CLOSED" in said[1]
        assert said[1].endswith("mine")


def test_the_end_of_a_break_as_json_says_what_it_was() -> None:
    out = io.StringIO()
    lines = Lines(Screen(as_json=True, out=out), ("breaks",), Filters(()))

    lines.take(Message("breaks", "snapshot", items=[BREAK]))
    lines.take(Message("breaks", "delta", seq=9, gone=["B1", "B2"]))

    first, second = (json.loads(one) for one in out.getvalue().splitlines())
    assert (first["seq"], first["kind"], first["status"]) == (9, "CASH", "CLOSED")
    assert (second["break_id"], second["status"]) == ("B2", "CLOSED")


def test_breaks_that_are_not_watched_end_silently() -> None:
    out = io.StringIO()
    lines = Lines(Screen(as_json=False, out=out), ("orders",), Filters(()))

    lines.take(Message("breaks", "delta", gone=["B1"]))

    assert out.getvalue() == ""


def test_the_log_as_a_line() -> None:
    assert line("order-log", LOGGED).split()[-6:] == ["10", "LT", "FILL", "at", "99.5", "FILLED"]


def test_the_end_of_an_order_has_its_own_quantity_and_what_was_filled() -> None:
    placed = {**LOGGED, "entry": "PLACED", "quantity": "25", "status": "PENDING_NEW"}
    end = {**LOGGED, "entry": "END", "quantity": "0", "price": "0", "status": "REJECTED"}
    half = {**end, "quantity": "10", "price": "99.5", "status": "CANCELED"}
    out = io.StringIO()
    filters = Filters(["status=REJECTED,CANCELED"])
    lines = Lines(Screen(out=out), ("orders",), filters)
    lines.recall([placed, end, half, {**end, "order_id": "of long ago"}])
    said = [text.split() for text in out.getvalue().splitlines()]

    assert [words[-7:] for words in said[:2]] == [
        ["SELL", "25", "LT", "END", "filled", "0", "REJECTED"],
        ["LT", "END", "filled", "10", "at", "99.5", "CANCELED"],
    ]
    assert said[2][-6:] == ["SELL", "LT", "END", "filled", "0", "REJECTED"]
    lines = Lines(Screen(as_json=True, out=out), ("orders",), Filters(()))
    lines.recall([placed, end])
    assert json.loads(out.getvalue().splitlines()[-1])["quantity"] == "0"


def test_json_is_the_row_with_where_it_came_from() -> None:
    first, second = map(json.loads, told(Message("orders", "delta", 2, 9, [ORDER]), as_json=True))

    assert first == {"topic": "orders", "seq": 9, **ORDER}
    assert second == {"topic": "order-log", **LOGGED}


def test_what_was_there_is_told_on_demand() -> None:
    snapshot = Message("orders", "snapshot", 1, 1, [ORDER])

    assert len(told(snapshot)) == 1
    assert len(told(snapshot, backlog=True)) == 2


def test_a_topic_that_is_only_needed_by_a_filter_is_not_told() -> None:
    assert len(told(Message("instructions", "delta", 1, 1, [INSTRUCTION]))) == 1
    lines = Lines(Screen(), ("orders",), Filters(["kind=exit"]))
    assert lines.needs == ("orders", "instructions")
    assert Lines(Screen(), ("orders",), Filters(["status=NEW"])).needs == ("orders",)


def test_enough_is_enough() -> None:
    with pytest.raises(Enough):
        told(Message("orders", "delta", 2, 9, [ORDER, ORDER]), count=2)


def test_an_instrument_that_nobody_knows_is_not_watched(server: FakeServer) -> None:
    problem = {"code": "NOT_FOUND", "detail": "no token A/B"}
    server.answer("GET", "/api/v1/tokens/A/B", 404, problem)
    result = run("watch", "--filter", "instrument=A/B")

    assert (result.exit_code, "UNKNOWN_INSTRUMENT" in result.stderr) == (Exit.USAGE, True)
    assert server.last.url.raw_path == b"/api/v1/tokens/A%2FB"


def test_what_cannot_be_watched_is_usage() -> None:
    for words, code in (
        (("--topics", "orders,prices"), "UNKNOWN_TOPIC"),
        (("--topics", ","), "UNKNOWN_TOPIC"),
        (("--filter", "colour=red"), "BAD_FILTER"),
        (("--filter", "status="), "BAD_FILTER"),
        (("--filter", "status=NOPE"), "BAD_FILTER"),
        (("--filter", "kind=exit", "--since", "10m"), "BAD_FILTER"),
        (("--since", "yesterday"), "BAD_MOMENT"),
    ):
        result = run("watch", *words, "--server", "http://127.0.0.1:1")
        assert (result.exit_code, code in result.stderr) == (Exit.USAGE, True)


def test_a_change_that_waits_says_what_it_would_do_and_who_asked() -> None:
    change = {
        "change_id": "C1",
        "kind": "kill",
        "details": ["lift the kill for everybody"],
        "asked_by": "ann",
        "expires_ns": NOON_NS,
        "time_ns": NOON_NS,
    }

    said = line("changes", change)

    assert "C1" in said
    assert "asked by ann, waits for another person" in said
    assert said.endswith("lift the kill for everybody")
