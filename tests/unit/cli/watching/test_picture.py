"""The picture of a desk at work: what stands in it, in which colour, and that it fits."""

import io
from collections import Counter

import pytest
from rich.console import Console

from phalanx.cli.watching.filters import Filters
from phalanx.cli.watching.messages import Item, Message
from phalanx.cli.watching.picture import Picture, bar, percentiles
from phalanx.cli.watching.tally import Tally
from phalanx.domain.time import SECOND

NOW_S = 100.0
NOW_NS = 1_763_606_200_000_000_000
SYMBOLS = [f"STOCK{number}" for number in range(49)]


def order(number: int, symbol: str, status: str, instruction: str = "I2") -> Item:
    return {
        "order_id": f"O{number}",
        "instruction_id": instruction,
        "account": f"PAPER-{number}",
        "symbol": symbol,
        "side": "BUY",
        "quantity": "5",
        "status": status,
        "tat_ns": 2_000_000,
        "time_ns": 1_763_610_000_000_000_000,
    }


def instruction(name: str, text: str, **facts: object) -> Item:
    return {
        "instruction_id": name,
        "kind": "priority_buy",
        "text": text,
        "status": "WORKING",
        "skips": 340,
        "tat_ns": 9_000_000,
        "time_ns": 1_763_610_000_000_000_000,
        **facts,
    }


@pytest.fixture
def busy() -> Tally:
    """A desk that fires a list of 49 stocks, with a doubt, a kill and a signal that nobody took."""
    tally = Tally(Filters(()))

    def say(topic: str, *items: Item) -> None:
        tally.take(Message(topic, "delta", 1, 12_345, list(items)), NOW_S - 1)

    accounts: list[Item] = [{"account": f"PAPER-{n}"} for n in range(200)]
    say("accounts", *accounts)
    say("desk", {"name": "kill:account/PAPER-7", "text": "killed lunch", "time_ns": 1})
    rejected = {"status": "REJECTED", "reason": "NOTHING_VALID"}
    say("instructions", instruction("I1", "S SELL [bold]X", **rejected))
    say("instructions", instruction("I2", "S BUY nifty"))
    for place, symbol in enumerate(SYMBOLS):
        rows = [order(place * 10 + n, symbol, "FILLED" if n > 2 else "NEW") for n in range(9)]
        say("orders", *rows, order(place * 10 + 9, symbol, "REJECTED"))
    say("orders", order(9_999, SYMBOLS[0], "IN_DOUBT"))
    return tally


def drawn(
    tally: Tally, width: int = 150, height: int = 45, *, colours: bool = False, wall_ns: int = 0
) -> list[str]:
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        height=height,
        force_terminal=colours,
        color_system="truecolor" if colours else None,
    )
    console.print(Picture("http://phalanx.test", console).draw(tally, NOW_S, wall_ns=wall_ns))
    return out.getvalue().splitlines()


def test_the_header(busy: Tally) -> None:
    lines = drawn(busy)

    assert lines[0].split() == ["PHALANX", "●", "live", "http://phalanx.test"]
    assert lines[1].split("   ") == [
        *("orders/s 98.2", "TAT p50 2.00 ms", "p99 2.00 ms", "accounts 200", "open 148"),
        *("doubts 1", "seq 12,345"),
    ]
    assert lines[2].startswith("since you watch: 294 filled, 49 rejected, 0 canceled, 680 skipped")


def test_a_server_that_is_away_is_said_in_the_header(busy: Tally) -> None:
    busy.trouble = "the server closed the connection"

    assert "○ the server closed the connection" in drawn(busy)[0]


def test_kills_and_doubts_are_pinned_on_top(busy: Tally) -> None:
    lines = drawn(busy)

    assert lines[3].strip() == "KILL  new orders are stopped for account PAPER-7: lunch"
    assert lines[4].split()[:6] == ["IN", "DOUBT", "O9999", "PAPER-9999", "BUY", "5"]
    for number in range(20):
        item = order(number, "TCS", "IN_DOUBT", "I9")
        busy.take(Message("orders", "delta", 1, 1, [item]), NOW_S)
    assert "and 16 more in doubt" in "\n".join(drawn(busy))


def a_break(name: str, **facts: object) -> Item:
    return {
        "break_id": name,
        "account": "A1",
        "kind": "CASH",
        "subject": "",
        "ours": "10",
        "theirs": "5",
        "owner": "",
        "filed_ns": NOW_NS - 60 * SECOND,
        "deadline_ns": NOW_NS + SECOND,
        "time_ns": NOW_NS,
        **facts,
    }


def test_breaks_are_pinned_below_doubts_the_overdue_ones_first(busy: Tally) -> None:
    late = a_break("B2", kind="ORDER_MISSING", subject="O1", owner="asha", deadline_ns=NOW_NS - 1)
    busy.take(Message("breaks", "snapshot", 1, 1, [a_break("B1"), late]), NOW_S)

    lines = drawn(busy, wall_ns=NOW_NS)

    assert "breaks 2" in lines[1]
    assert lines[4].split()[:2] == ["IN", "DOUBT"]
    assert lines[5].strip() == (
        "BREAK  B2  A1  ORDER_MISSING O1: ours 10, theirs 5, since 08:05:40, asha has it, overdue"
    )
    assert lines[6].strip().endswith("CASH: ours 10, theirs 5, since 08:05:40, nobody has it")


def test_stale_prices_are_counted_on_top(busy: Tally) -> None:
    assert "stale" not in drawn(busy)[1]
    item = {"instrument": "NSE:1", "is_stale": True}
    busy.take(Message("quotes", "delta", 1, 1, [item]), NOW_S)

    assert "stale prices 1" in drawn(busy)[1]


def test_a_doubt_that_is_a_break_says_whose_it_is_and_is_there_once(busy: Tally) -> None:
    doubt = a_break("B1", kind="ORDER_IN_DOUBT", subject="O9999", owner="asha")
    assert "the broker is asked" in drawn(busy, wall_ns=NOW_NS)[4]
    busy.take(Message("breaks", "delta", 1, 1, [doubt]), NOW_S)

    lines = drawn(busy, wall_ns=NOW_NS)

    assert lines[4].strip().endswith("STOCK0: since 09:10:00, asha has it")
    assert not [line for line in lines if "BREAK " in line]


def test_breaks_beyond_those_that_are_shown_are_counted(busy: Tally) -> None:
    items = [a_break(f"B{number}", deadline_ns=NOW_NS - 1) for number in range(9)]
    busy.take(Message("breaks", "delta", 1, 1, items), NOW_S)

    assert "and 4 more breaks, 4 overdue" in "\n".join(drawn(busy, wall_ns=NOW_NS))
    assert "and 4 more breaks" in "\n".join(drawn(busy, wall_ns=1))


def test_an_instruction_that_fires_has_a_bar_per_stock(busy: Tally) -> None:
    text = "\n".join(drawn(busy))

    assert "343/491" in text
    assert "294 filled, 49 rejected, 1 in doubt, 147 open, 340 skipped" in text
    assert all(symbol in text for symbol in SYMBOLS)
    assert text.count("7/10 ") == 48


@pytest.mark.parametrize(("width", "height"), [(200, 60), (100, 30), (80, 24), (60, 20)])
def test_it_fits_the_terminal(width: int, height: int, busy: Tally) -> None:
    lines = drawn(with_latencies(busy), width, height)

    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "what happened" in "\n".join(lines)


def latency(hop: str, p50: int, p99: int, greatest: int) -> Item:
    return {"hop": hop, "orders": 9, "p50_ns": p50, "p99_ns": p99, "max_ns": greatest}


def with_latencies(tally: Tally) -> Tally:
    tally.latencies = [
        latency("planned", 210_000, 931_000, 1_200_000),
        latency("committed", 3_400_000, 9_995_000, 14_000_000),
        latency("sent", 520_000, 99_949_000, 99_950_000),
        latency("tat", 4_130_000, 1_108_000_000, 1_115_000_000),
    ]
    own = [latency("sent", 500_000, 600_000, 700_000), latency("first_fill", 1, 2, 80_200_000)]
    item = instruction("I2", "S BUY nifty", latencies=own)
    tally.take(Message("instructions", "delta", 1, 1, [item]), NOW_S)
    return tally


def test_what_hops_took_of_late_and_in_the_instruction_told_of_last(busy: Tally) -> None:
    lines = drawn(with_latencies(busy), 80)

    begin = next(place for place, line in enumerate(lines) if "hops" in line)
    assert lines[begin : begin + 7] == [
        "hops, ms            plan  commit    send    fill     TAT",
        "recent      p50     0.21    3.40    0.52       –    4.13",
        "            p99     0.93    10.0    99.9       –   1,108",
        "            max     1.20    14.0     100       –   1,115",
        "I2          p50        –       –    0.50    0.00       –",
        "            p99        –       –    0.60    0.00       –",
        "            max        –       –    0.70    80.2       –",
    ]


def test_without_any_latency_there_is_no_table_of_hops(busy: Tally) -> None:
    assert not [line for line in drawn(busy) if "hops" in line]
    busy.latencies = [latency("tat", 1, 2, 3)]

    assert len([line for line in drawn(busy) if "hops, ms" in line]) == 1


@pytest.mark.parametrize(
    ("height", "names"), [(45, ["p50", "p99", "max"] * 2), (24, ["p99", "p99"]), (12, [])]
)
def test_hops_take_no_room_that_is_needed(height: int, names: list[str], busy: Tally) -> None:
    found = drawn(with_latencies(busy), 80, height)

    assert [line[12:15] for line in found if line[12:15] in {"p50", "p99", "max"}] == names
    assert "what happened" in "\n".join(found)


def test_where_not_all_stocks_fit_those_at_work_come_first(busy: Tally) -> None:
    done = [order(n, SYMBOLS[0], "FILLED") for n in range(10)] + [
        order(9_999, SYMBOLS[0], "FILLED")
    ]
    busy.take(Message("orders", "delta", 1, 1, done), NOW_S)
    text = "\n".join(drawn(busy, 80, 24))

    assert "STOCK0 " not in text
    assert "STOCK1 " in text
    assert "and 36 more" in text


def test_more_instructions_than_fit_are_counted(busy: Tally) -> None:
    for number in range(3, 9):
        item = order(5_000 + number, "TCS", "NEW", f"I{number}")
        busy.take(Message("orders", "delta", 1, 1, [item]), NOW_S)

    assert "and 4 more" in [line.strip() for line in drawn(busy)]


def test_what_happened_comes_newest_last_and_a_name_is_no_instruction(busy: Tally) -> None:
    lines = drawn(busy)
    told = lines[
        next(at for at, line in enumerate(lines) if line.startswith("what happened")) + 1 :
    ]

    assert "S SELL [bold]X  NOTHING_VALID  340 skipped" in told[1]
    assert told[-1].endswith("× 49")
    assert [line.split()[1] for line in told] == ["kill:account/PAPER-7", "I1", "I2", "I2"]


LONG = "priority list of RELIANCE, TCS, INFY and 46 more for group core, desk north and PAPER-1"
EVERY = ("FILLED", "CANCELED", "REJECTED", "EXPIRED", "NOT_RECEIVED", "IN_DOUBT", "NEW")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("ends", [EVERY[:1], EVERY[:4], EVERY])
def test_an_outcome_is_never_cut(width: int, ends: tuple[str, ...]) -> None:
    tally = Tally(Filters(()))
    rows = [order(n, "TCS", end) for n, end in enumerate(ends * 1_234)]
    tally.take(Message("orders", "delta", 1, 1, rows), NOW_S)
    tally.take(Message("instructions", "delta", 1, 1, [instruction("I2", LONG)]), NOW_S)
    words = " ".join(" ".join(drawn(tally, width, 60)).split())
    names = (end.lower().replace("_", " ") for end in ends)
    said = ", ".join(f"1,234 {'open' if name == 'new' else name}" for name in names)

    # Once where it fires, once where it is told.
    assert words.count(f"{said}, 340 skipped") == 2
    assert "priority list" in words


def test_how_often_something_was_said_is_never_cut() -> None:
    tally = Tally(Filters(()))
    rows = [{**order(n, "TCS", "REJECTED"), "message": "no margin " * 20} for n in range(49)]
    tally.take(Message("orders", "delta", 1, 1, rows), NOW_S)

    assert drawn(tally, 80)[-1].endswith("…  × 49")


def test_a_cancel_says_how_many_ended() -> None:
    tally = Tally(Filters(()))
    cancel = instruction("I9", "cancel the rest of I2", kind="cancel", parent="I2", skips=0)
    tally.take(Message("instructions", "delta", 1, 1, [cancel]), NOW_S)
    assert drawn(tally, 80)[-1].rstrip().endswith("cancel the rest of I2  0 canceled")

    rows = [order(n, "TCS", "CANCELED") for n in range(12)]
    tally.take(Message("orders", "delta", 1, 1, rows), NOW_S)
    line = next(line for line in drawn(tally, 80) if "I9" in line)
    assert "cancel the rest of I2  12 canceled" in line


def test_the_colours_are_those_of_the_outcomes(busy: Tally) -> None:
    text = "\n".join(drawn(busy, colours=True))

    assert "\x1b[32m294 filled\x1b[0m" in text
    assert "\x1b[31m49 rejected\x1b[0m" in text
    assert "\x1b[1;35m1 in doubt\x1b[0m" in text
    assert "\x1b[90m340 skipped\x1b[0m" in text


def test_no_color_means_none(busy: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = "\n".join(drawn(busy, colours=True))

    assert "294 filled" in text
    assert not any(f"[{code}m" in text for code in ("31", "32", "90", "1;35"))


def test_a_quiet_desk_says_so() -> None:
    lines = drawn(Tally(Filters(())))

    assert "nothing yet" in lines[-1]
    assert "TAT p50 –" in lines[1]


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (Counter(filled=10), "━━━━━━━━━━"),
        (Counter(filled=5, open=5), "━━━━━─────"),
        (Counter(open=5), "──────────"),
        (Counter(rejected=1, open=9_999), "━─────────"),
        (Counter({"filled": 9_999, "rejected": 1}), "━━━━━━━━━━"),
        (Counter(), "──────────"),
    ],
)
def test_a_bar_is_as_long_as_it_is_wide(counts: Counter[str], text: str) -> None:
    assert bar(counts, 10).plain == text


def test_percentiles() -> None:
    assert percentiles([1_000_000 * n for n in range(1, 101)]) == ("50.00 ms", "99.00 ms")
    assert percentiles([]) == ("–", "–")
