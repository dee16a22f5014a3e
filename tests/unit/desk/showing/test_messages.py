"""The rows behind the stream's messages: an instruction's hops, as they come in."""

import msgspec

from phalanx.desk.latencies import BATCH
from phalanx.desk.showing.messages import InstructionRow
from phalanx.domain.latency import hop_latencies, spread
from phalanx.domain.orders import Hops


def row() -> InstructionRow:
    return InstructionRow("I1", "signal", "RED BUY INFY", "cli", 0, 0, 1)


def way(number: int) -> Hops:
    return Hops(
        100, 5_000 + number, 0, 90_000 + 7 * number, 0, 700_000 + 11 * number, 10**6 * number
    )


def test_an_instruction_without_answers_has_no_latencies() -> None:
    assert row().message().latencies == []


def test_the_latencies_of_few_orders_are_exact() -> None:
    shown = row()
    ways = [way(number) for number in range(1, BATCH)]
    for place, one in enumerate(ways, 1):
        shown.answered(one)
        assert shown.message().latencies == spread(hop_latencies(ways[:place]))


def test_those_of_many_are_counted_and_hardly_differ() -> None:
    shown = row()
    ways = [way(number) for number in range(1, 5 * BATCH + 4)]
    for place, one in enumerate(ways, 1):
        shown.answered(one)
        if place % BATCH == 0:
            assert {hop.orders for hop in shown.message().latencies} == {place}

    true = spread(hop_latencies(ways))
    said = shown.message().latencies
    assert [(one.hop, one.orders, one.max_ns) for one in said] == [
        (one.hop, one.orders, one.max_ns) for one in true
    ]
    for ours, theirs in zip(said, true, strict=True):
        assert theirs.p50_ns <= ours.p50_ns <= theirs.p50_ns * 33 // 32
        assert theirs.p99_ns <= ours.p99_ns <= theirs.p99_ns * 33 // 32
    assert len(shown.ways) < BATCH


def test_a_message_that_was_sent_does_not_change_any_more() -> None:
    shown = row()
    shown.answered(way(1))
    before = shown.message()
    encoded = msgspec.json.encode(before)
    shown.answered(way(2))

    assert [one.orders for one in shown.message().latencies][:1] == [2]
    assert msgspec.json.encode(before) == encoded
