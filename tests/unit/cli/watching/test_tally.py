"""What a person who watches wants to know, kept true message by message."""

from collections import Counter

import pytest

from phalanx.cli.watching import tally as module
from phalanx.cli.watching.filters import Filters
from phalanx.cli.watching.messages import Item, Message
from phalanx.cli.watching.tally import Fired, Remark, Tally


def order(order_id: str, status: str, **facts: object) -> Item:
    return {
        "order_id": order_id,
        "instruction_id": "I1",
        "account": "A",
        "symbol": "TCS",
        "side": "BUY",
        "quantity": "5",
        "status": status,
        "time_ns": 5,
        **facts,
    }


def instruction(**facts: object) -> Item:
    return {
        "instruction_id": "I1",
        "kind": "priority_buy",
        "text": "nifty",
        "status": "WORKING",
        "skips": 0,
        "time_ns": 7,
        **facts,
    }


class Watched:
    """A tally and the messages that it is told, one a second."""

    def __init__(self, *filters: str) -> None:
        self.tally = Tally(Filters(filters))
        self.now = 0.0

    def say(
        self, topic: str, *items: Item, kind: str = "delta", gone: tuple[str, ...] = ()
    ) -> None:
        self.now += 1
        seq = int(self.now)
        self.tally.take(Message(topic, kind, seq, seq, list(items), list(gone)), self.now)

    @property
    def fired(self) -> Fired:
        (fired,) = self.tally.firing(self.now)
        return fired


def test_how_far_an_instruction_is_by_instrument() -> None:
    watched = Watched()
    watched.say("instructions", instruction())
    watched.say("orders", *(order(f"O{n}", "SENT", symbol=("TCS", "LT")[n % 2]) for n in range(4)))
    watched.say("orders", order("O0", "FILLED"), order("O1", "REJECTED", symbol="LT"))
    watched.say("orders", order("O2", "PARTIALLY_FILLED"))

    fired = watched.fired
    assert (fired.kind, fired.text, fired.total) == ("priority_buy", "nifty", 4)
    assert fired.symbols == {
        "TCS": Counter(filled=1, open=1),
        "LT": Counter(rejected=1, open=1),
    }
    assert watched.tally.open == 2
    assert watched.tally.ended == Counter(filled=1, rejected=1)


def test_an_order_that_ends_twice_is_counted_where_it_is() -> None:
    watched = Watched()
    for status in ("SENT", "CANCELED", "FILLED", "FILLED"):
        watched.say("orders", order("O1", status))

    assert watched.fired.counts == Counter(filled=1)
    assert watched.tally.open == 0


def test_a_doubt_stays_until_it_is_resolved_and_that_is_told() -> None:
    watched = Watched()
    watched.say("orders", order("O1", "SENT"))
    watched.say("orders", order("O1", "IN_DOUBT"))
    assert list(watched.tally.doubts) == ["O1"]
    assert (watched.tally.open, watched.fired.is_open) == (1, True)

    watched.say("orders", order("O1", "FILLED"))
    assert watched.tally.doubts == {}
    told = [one for one in watched.tally.happenings.values() if isinstance(one, Remark)]
    assert [(one.text, one.end) for one in told] == [
        ("O1 A TCS: no doubt any more, filled", "filled")
    ]


def test_why_orders_fail_is_told_once_per_reason() -> None:
    watched = Watched()
    for n in range(3):
        watched.say("orders", order(f"O{n}", "REJECTED", message="no margin"))
    watched.say("orders", order("O9", "REJECTED", reason="BROKER_REJECTED"))

    remarks = [one for one in watched.tally.happenings.values() if isinstance(one, Remark)]
    assert [(one.text, one.count) for one in remarks] == [
        ("I1 rejected: no margin", 3),
        ("I1 rejected: BROKER_REJECTED", 1),
    ]


def test_a_snapshot_is_no_news_and_replaces_what_was_known() -> None:
    watched = Watched()
    watched.say("orders", order("O1", "SENT"), order("O2", "IN_DOUBT"), kind="snapshot")
    assert (watched.tally.open, len(watched.tally.doubts)) == (2, 1)
    assert (watched.tally.ended, watched.tally.happenings) == (Counter(), {})
    assert watched.tally.rate(watched.now) == 0

    watched.say("orders", order("O2", "FILLED"))
    watched.say("orders", order("O2", "FILLED"), order("O3", "NEW"), kind="snapshot")
    assert (watched.tally.open, watched.tally.doubts) == (1, {})
    assert watched.fired.counts == Counter(filled=1, open=1)


def test_an_order_that_leaves_memory_stays_counted() -> None:
    watched = Watched()
    watched.say("orders", order("O1", "FILLED"), order("O2", "NEW"))
    watched.say("orders", gone=("O1", "O2", "O9"))

    assert watched.tally.open == 0
    assert watched.fired.counts == Counter(filled=1, open=1)


def test_orders_a_second_and_their_turnaround() -> None:
    watched = Watched()
    watched.say("orders", *(order(f"O{n}", "SENT") for n in range(10)))
    watched.say("orders", *(order(f"O{n}", "NEW", tat_ns=n + 1) for n in range(10)))
    watched.say("orders", *(order(f"O{n}", "FILLED", tat_ns=n + 1) for n in range(10)))

    assert watched.tally.rate(watched.now) == 10 / module.RATE_S
    assert watched.tally.rate(watched.now + module.RATE_S) == 0
    assert list(watched.tally.tats) == list(range(1, 11))


def test_orders_a_second_when_one_joins_in_the_middle() -> None:
    watched = Watched()
    planned = [order(f"O{n}", "PENDING_NEW") for n in range(10)]
    watched.say("orders", *planned, order("O10", "SENT"), order("O11", "NEW"), kind="snapshot")
    assert watched.tally.rate(watched.now) == 0

    watched.say("orders", *(order(f"O{n}", "SENT") for n in range(4)))
    watched.say("orders", *(order(f"O{n}", "FILLED") for n in (0, 1, 4, 10, 11)))
    assert watched.tally.rate(watched.now) == 6 / module.RATE_S


def test_what_never_left_is_none_of_the_orders_a_second() -> None:
    watched = Watched()
    watched.say("orders", *(order(f"O{n}", "PENDING_NEW") for n in range(10)))
    watched.say("orders", order("O1", "CANCELED"), order("O2", "EXPIRED"), order("O3", "REJECTED"))

    assert watched.tally.rate(watched.now) == 1 / module.RATE_S


CANCEL: Item = {"instruction_id": "I2", "kind": "cancel", "parent": "I1", "time_ns": 50}
RESTING = [order(f"O{n}", "NEW") for n in range(4)]
STOPPED = [
    order("O0", "FILLED", time_ns=40),
    order("O1", "CANCELED", time_ns=50),
    order("O2", "CANCELED", time_ns=60),
    order("O3", "FILLED", time_ns=61),
]


@pytest.mark.parametrize("later", [False, True], ids=["cancel first", "orders first"])
def test_a_cancel_is_told_with_how_the_orders_ended_that_it_was_for(later: bool) -> None:
    watched = Watched()
    watched.say("orders", *RESTING, kind="snapshot")
    if not later:
        watched.say("instructions", CANCEL)
    watched.say("orders", *STOPPED)
    if later:
        watched.say("instructions", CANCEL)
    watched.say("orders", order("O0", "FILLED", time_ns=70, flag="LATE"))

    told = watched.tally.happenings["I2"]
    assert isinstance(told, Fired)
    assert told.outcome == Counter(canceled=2, filled=1)
    watched.say("orders", *STOPPED, kind="snapshot")
    assert told.outcome == Counter(canceled=2, filled=1)


def test_what_happened_is_told_newest_last_from_the_first_on() -> None:
    watched = Watched()
    watched.say("instructions", instruction(time_ns=2_000_000_000))
    line: Item = {"entry": "FILL", "side": "BUY", "symbol": "TCS", "status": "FILLED"}
    times = ("1970-01-01T05:30:03.5+05:30", "1970-01-01T05:30:01+05:30")
    watched.tally.recall(
        [{**line, "symbol": text, "time": text} for text in times],
    )

    assert [one.time_ns for one in watched.tally.told()] == [
        *(1_000_000_000, 2_000_000_000, 3_500_000_000),
    ]


def test_an_instruction_fires_until_a_while_after_its_last_change() -> None:
    watched = Watched()
    watched.say("orders", order("O1", "FILLED"))

    assert list(watched.tally.firing(watched.now + module.LINGER_S / 2)) == [watched.fired]
    assert list(watched.tally.firing(watched.now + module.LINGER_S)) == []


def test_skips_are_counted_once() -> None:
    watched = Watched()
    watched.say("instructions", instruction(skips=4), instruction(skips=4, status="DONE"))

    assert watched.tally.ended == Counter(skipped=4)
    assert list(watched.tally.happenings) == ["I1"]


def test_an_instruction_is_told_at_the_time_it_began() -> None:
    watched = Watched()
    watched.say("instructions", instruction(time_ns=7))
    watched.say("orders", order("O1", "FILLED", time_ns=9))
    watched.say("instructions", instruction(time_ns=11, status="DONE"))

    assert (watched.fired.time_ns, watched.fired.status) == (7, "DONE")


def test_accounts_and_kills() -> None:
    watched = Watched()
    kill: Item = {"name": "kill:all", "text": "killed lunch", "time_ns": 5}
    watched.say("accounts", {"account": "A"}, {"account": "B"}, kind="snapshot")
    watched.say("accounts", {"account": "A"})
    watched.say("desk", kill, kind="snapshot")
    assert (len(watched.tally.accounts), list(watched.tally.kills)) == (2, ["kill:all"])
    assert watched.tally.happenings == {}

    watched.say("desk", {**kill, "text": "lifted", "time_ns": 6})
    watched.say("accounts", {"account": "A"}, kind="snapshot")
    assert (len(watched.tally.accounts), watched.tally.kills) == (1, {})
    (told,) = watched.tally.happenings.values()
    assert isinstance(told, Remark)
    assert told.text == "kill:all lifted"


def test_breaks_are_kept_until_they_are_over_whoever_is_watched() -> None:
    watched = Watched("account=B")
    found: Item = {"break_id": "B1", "account": "A", "kind": "CASH", "reason": "other cash"}
    watched.say("breaks", found, kind="snapshot")
    assert (list(watched.tally.breaks), watched.tally.happenings) == (["B1"], {})

    watched.say("breaks", {**found, "owner": "asha"}, {**found, "break_id": "B2", "time_ns": 6})
    assert watched.tally.breaks["B1"]["owner"] == "asha"
    (told,) = watched.tally.happenings.values()
    assert isinstance(told, Remark)
    assert (told.text, told.time_ns) == ("break B2 A CASH: other cash", 6)

    watched.say("breaks", gone=("B1",))
    assert list(watched.tally.breaks) == ["B2"]
    watched.say("breaks", kind="snapshot")
    assert watched.tally.breaks == {}


def test_only_what_passes_the_filters_is_counted_but_kills_always_are() -> None:
    watched = Watched("account=B")
    watched.say("orders", order("O1", "FILLED"), order("O2", "FILLED", account="B"))
    watched.say("desk", {"name": "kill:all", "text": "killed"})

    assert watched.tally.ended == Counter(filled=1)
    assert list(watched.tally.kills) == ["kill:all"]


def test_lines_of_the_log_that_say_the_same_are_one() -> None:
    watched = Watched()
    line: Item = {"entry": "FILL", "side": "BUY", "symbol": "TCS", "status": "FILLED"}
    watched.tally.recall([line, line, {**line, "symbol": "LT"}])

    told = [one for one in watched.tally.happenings.values() if isinstance(one, Remark)]
    assert [(one.text, one.count) for one in told] == [("FILL BUY TCS", 2), ("FILL BUY LT", 1)]


def test_everything_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HAPPENINGS_KEPT", "INSTRUCTIONS_KEPT", "TATS_KEPT"):
        monkeypatch.setattr(module, name, 3)
    watched = Watched()
    for n in range(20):
        watched.say("orders", order(f"O{n}", "FILLED", instruction_id=f"I{n}", tat_ns=1))

    assert list(watched.tally.happenings) == ["I17", "I18", "I19"]
    assert len(watched.tally._instructions) == 3
    assert len(watched.tally._tat_of) == 6


def test_which_live_prices_are_too_old() -> None:
    watched = Watched()
    rows = [{"instrument": f"NSE:{number}", "is_stale": number > 1} for number in (1, 2, 3)]
    watched.say("quotes", *rows, kind="snapshot")
    assert watched.tally.stale == {"NSE:2", "NSE:3"}

    fresh, late = (
        {"instrument": "NSE:2", "is_stale": False},
        {"instrument": "NSE:1", "is_stale": True},
    )
    watched.say("quotes", fresh, late, gone=("NSE:3",))
    assert watched.tally.stale == {"NSE:1"}

    watched.say("quotes", kind="snapshot")
    assert watched.tally.stale == set()
