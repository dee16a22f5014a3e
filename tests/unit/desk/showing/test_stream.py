"""The stream: contiguous numbers, consistent snapshots, and readers that nobody waits for."""

import asyncio
import json

import msgspec
import pytest

from phalanx.desk.showing import stream as stream_module
from phalanx.desk.showing.stream import (
    SLOW_READER,
    STREAM_CLOSED,
    Reader,
    Stream,
    TooManyReaders,
    Topic,
)


class Row(msgspec.Struct):
    key: str
    value: int


def topic(name: str = "t") -> Topic:
    return Topic(name, lambda row: row)


def put(found: Topic, seq: int, **values: int) -> None:
    for key, value in values.items():
        found.rows[key] = Row(key, value)
    found.publish(seq, values)


async def take(reader: Reader, count: int) -> list[dict[str, object]]:
    return [json.loads(await anext(reader)) for _ in range(count)]


async def test_a_snapshot_and_then_every_delta() -> None:
    found = topic()
    put(found, 3, a=1)
    stream = Stream((found,), 3)

    reader = stream.join(("t",))
    put(found, 5, b=2, a=7)
    found.publish(6, (), ("a",))

    assert await take(reader, 3) == [
        {
            "topic": "t",
            "type": "snapshot",
            "n": 1,
            "seq": 3,
            "items": [{"key": "a", "value": 1}],
        },
        {
            "topic": "t",
            "type": "delta",
            "n": 2,
            "seq": 5,
            "items": [{"key": "b", "value": 2}, {"key": "a", "value": 7}],
            "gone": [],
        },
        {"topic": "t", "type": "delta", "n": 3, "seq": 6, "items": [], "gone": ["a"]},
    ]
    assert list(found.rows) == ["b"]


async def test_numbers_are_shared_by_all_readers_and_go_on_without_any() -> None:
    found = topic()
    stream = Stream((found,), 0)
    put(found, 1, a=1)
    first = stream.join(("t",))
    put(found, 2, a=2)
    second = stream.join(("t",))
    put(found, 3, a=3)

    assert [message["n"] for message in await take(first, 3)] == [1, 2, 3]
    assert [message["n"] for message in await take(second, 2)] == [2, 3]


async def test_a_reader_hears_of_its_topics_only() -> None:
    one, two = topic("one"), topic("two")
    stream = Stream((one, two), 0)
    reader = stream.join(("two",))

    put(one, 1, a=1)
    put(two, 2, b=1)

    assert [message["topic"] for message in await take(reader, 2)] == ["two", "two"]


async def test_a_slow_reader_is_cut_off_and_holds_up_nobody() -> None:
    found = topic()
    stream = Stream((found,), 0)
    slow, fast = Reader(backlog_max=3), stream.join(("t",))
    found.join(slow, 0)
    for seq in range(1, 10):
        put(found, seq, a=seq)
        await take(fast, 2 if seq == 1 else 1)

    assert slow.closed_reason == SLOW_READER
    with pytest.raises(StopAsyncIteration):
        await anext(slow)
    assert slow not in found._readers
    assert fast.closed_reason == ""


async def test_a_reader_that_waits_is_woken() -> None:
    found = topic()
    stream = Stream((found,), 0)
    reader = stream.join(("t",))
    await take(reader, 1)

    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    put(found, 1, a=1)

    assert json.loads(await waiting)["n"] == 1


async def test_who_left_hears_nothing() -> None:
    found = topic()
    stream = Stream((found,), 0)
    reader = stream.join(("t",))
    await take(reader, 1)

    stream.leave(reader)
    put(found, 1, a=1)

    assert not reader._messages
    assert stream.reader_count == 0


async def test_the_end_cuts_everybody_off() -> None:
    stream = Stream((topic(),), 0)
    reader = stream.join(("t",))
    await take(reader, 1)
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)

    stream.close()

    with pytest.raises(StopAsyncIteration):
        await waiting
    assert reader.closed_reason == STREAM_CLOSED


def test_unknown_topics_and_too_many_readers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream((topic(),), 0)
    with pytest.raises(KeyError):
        stream.join(("t", "u"))
    assert stream.reader_count == 0
    monkeypatch.setattr(stream_module, "READERS_MAX", 1)
    stream.join(("t",))

    with pytest.raises(TooManyReaders):
        stream.join(("t",))
