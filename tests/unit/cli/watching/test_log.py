"""What happened before one began to watch."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from phalanx.cli.exit_codes import Failure
from phalanx.cli.remote.client import Server
from phalanx.cli.watching import log as module
from phalanx.cli.watching.log import Log, log_since

BEGAN = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)


class OrderLog:
    """Lines by their event's number; an event may have many, and is a second after the one before."""

    def __init__(self, *seqs: int) -> None:
        self._rows = [
            {"seq": seq, "place": place, "time": (BEGAN + timedelta(seconds=seq)).isoformat()}
            for place, seq in enumerate(seqs)
        ]
        self.asked = 0
        self.server = Server("http://phalanx.test", 5, httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        query = request.url.params
        rows = list(reversed(self._rows))
        if "since_seq" in query:
            rows = [row for row in self._rows if int(str(row["seq"])) > int(query["since_seq"])]
        skip, limit = int(query.get("skip", 0)), int(query["limit"])
        as_of = 1_000
        items = rows[skip : skip + limit]
        return httpx.Response(200, json={"items": items, "total": len(rows), "as_of": as_of})


def places(log: Log, until: int) -> list[object]:
    return [row["place"] for rows in log.pages(until) for row in rows]


def test_an_event_with_many_lines_is_told_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    there = OrderLog(3, 5, 5, 5, 5, 5, 9)

    assert places(Log(there.server, 3), 9) == [1, 2, 3, 4, 5, 6]
    assert places(Log(there.server, 3), 8) == [1, 2, 3, 4, 5]


def test_what_was_told_is_not_told_again() -> None:
    there = OrderLog(1, 2, 3)
    log = Log(there.server, 0)
    log.seen(2)
    log.seen(1)

    assert places(log, 3) == [2]
    log.seen(3)
    asked = there.asked
    assert (places(log, 3), there.asked) == ([], asked)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", [0, 1, 2, 3]), ("200", [2, 3]), ("90s", [3]), ("10m", [2, 3]), ("1d", [0, 1, 2, 3])],
)
def test_from_an_event_or_from_a_while_ago(text: str, expected: list[int]) -> None:
    there = OrderLog(100, 150, 500, 950)
    log = log_since(there.server, text, BEGAN + timedelta(seconds=1_000))

    assert places(log, 1_000) == expected


def test_a_time_between_two_events_is_found_by_halving() -> None:
    there = OrderLog(*range(1, 1_000))
    log = log_since(there.server, "100s", BEGAN + timedelta(seconds=1_000))

    assert there.asked <= 12
    assert places(log, 1_000)[0] == 899


def test_an_empty_log() -> None:
    there = OrderLog()

    assert places(log_since(there.server, "1h", BEGAN), 1_000) == []


@pytest.mark.parametrize("text", ["", "yesterday", "10x", "-5", "1.5h", "9" * 19])
def test_a_moment_is_an_event_or_a_while(text: str) -> None:
    there = OrderLog(1)
    with pytest.raises(Failure, match="BAD_MOMENT"):
        log_since(there.server, text, BEGAN)


def test_an_answer_of_another_shape() -> None:
    answers = httpx.MockTransport(lambda _: httpx.Response(200, json={"items": [{}], "as_of": 5}))

    with pytest.raises(Failure, match="BAD_ANSWER"):
        log_since(Server("http://phalanx.test", 5, answers), "1h", BEGAN)
