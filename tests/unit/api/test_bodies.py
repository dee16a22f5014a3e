import asyncio
from collections.abc import Awaitable, Callable

import pytest

from phalanx.api.bodies import SWALLOWED_MAX, Deadlines, Message, read_body
from phalanx.api.problems import Problem


class Wire:
    """Hands out messages one by one, and says how many were asked for; then nothing comes."""

    def __init__(self, *chunks: bytes, gone: bool = False, waits: bool = False) -> None:
        more = gone or waits
        self._messages: list[Message] = [
            {"type": "http.request", "body": chunk, "more_body": place < len(chunks) or more}
            for place, chunk in enumerate(chunks, 1)
        ]
        if gone:
            self._messages.append({"type": "http.disconnect"})
        self.asked = 0

    async def receive(self) -> Message:
        self.asked += 1
        if self.asked > len(self._messages):
            await asyncio.Event().wait()
        return self._messages[self.asked - 1]


async def read(wire: Wire, declared: int | None = None, limit: int = 10) -> bytes:
    return await read_body(wire.receive, declared, limit, Deadlines())


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (Wire(b""), b""),
        (Wire(b"0123456789"), b"0123456789"),
        (Wire(b"01234", b"", b"56789"), b"0123456789"),
    ],
)
async def test_a_body_comes_in_one_piece_or_in_many(wire: Wire, body: bytes) -> None:
    assert await read(wire) == body


async def test_a_body_that_is_said_to_be_too_large_is_not_read() -> None:
    wire = Wire(b"01234567890")

    with pytest.raises(Problem) as refused:
        await read(wire, 11)

    assert (refused.value.code, refused.value.status) == ("BODY_TOO_LARGE", 413)
    assert refused.value.headers == ()
    assert wire.asked == 0


async def test_a_huge_body_ends_its_connection() -> None:
    with pytest.raises(Problem) as refused:
        await read(Wire(), SWALLOWED_MAX + 1)

    assert refused.value.headers == ((b"connection", b"close"),)


@pytest.mark.parametrize("wire", [Wire(b"01234567890"), Wire(b"0123", b"4567", b"890", b"never")])
async def test_a_body_without_a_length_is_read_up_to_the_bound(wire: Wire) -> None:
    with pytest.raises(Problem) as refused:
        await read(wire)

    assert refused.value.code == "BODY_TOO_LARGE"
    assert refused.value.headers == ((b"connection", b"close"),)
    assert wire.asked < 4


@pytest.mark.parametrize("wire", [Wire(gone=True), Wire(b"0123", gone=True)])
async def test_a_caller_who_left_is_noticed(wire: Wire) -> None:
    with pytest.raises(Problem) as refused:
        await read(wire)

    assert (refused.value.code, refused.value.status) == ("BODY_INCOMPLETE", 400)


async def test_a_body_that_does_not_come_is_given_up() -> None:
    deadlines = Deadlines(sweep_s=0.001)

    with pytest.raises(Problem) as refused:
        await read_body(Wire(b"0", b"1", waits=True).receive, None, 10, deadlines)

    assert (refused.value.code, refused.value.status) == ("BODY_TIMEOUT", 408)
    assert refused.value.headers == ((b"connection", b"close"),)


async def test_somebody_else_s_cancel_stays_theirs() -> None:
    reading = asyncio.create_task(read(Wire()))
    await asyncio.sleep(0)
    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_task_goes_on_after_it_was_late() -> None:
    deadlines = Deadlines(sweep_s=0.001)

    with pytest.raises(Problem):
        await read_body(Wire().receive, None, 10, deadlines)

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await read_body(Wire(b"1").receive, None, 10, deadlines) == b"1"


async def test_sweeps_end_with_the_last_reader_and_begin_with_the_next() -> None:
    deadlines = Deadlines(sweep_s=0.001)
    calls = 0

    async def count(read: Callable[[], Awaitable[Message]]) -> None:
        nonlocal calls
        with pytest.raises(Problem, match="BODY_TIMEOUT"):
            await read_body(read, None, 10, deadlines)
        calls += 1

    for _ in range(2):
        await asyncio.gather(*(count(Wire().receive) for _ in range(3)))
        await asyncio.sleep(0.01)
        assert deadlines.asleep

    assert calls == 6
