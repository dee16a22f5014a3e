import asyncio
import json

import pytest

from phalanx.brokers.motilal.reports import Frame, OrderFrame, TradeFrame
from phalanx.brokers.motilal.stream import HEARTBEAT, Stream
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND
from tests.fakes.clock import ManualClock
from tests.unit.brokers.motilal.samples import ORDER, TRADE
from tests.unit.brokers.motilal.stage import Channels, passing, turns, until


class Stage:
    def __init__(self, failures: int = 0) -> None:
        self.clock = ManualClock()
        self.channels = Channels(failures)
        self.heard: list[Frame] = []
        self.missed = 0
        self.stream = Stream(self.channels.open, self.clock, self.heard.append, self._missed)
        self.task = asyncio.ensure_future(
            self.stream.run("AA020", Secret("774a_M"), Secret("APIKEY123"))
        )

    def _missed(self) -> None:
        self.missed += 1

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_it_says_who_it_is_and_what_it_wants() -> None:
    stage = Stage()
    await turns()

    assert [json.loads(text) for text in stage.channels.last.sent] == [
        {"clientid": "AA020", "authtoken": "774a_M", "apikey": "APIKEY123"},
        {"clientid": "AA020", "action": "OrderSubscribe"},
        {"clientid": "AA020", "action": "TradeSubscribe"},
    ]
    await stage.close()


async def test_it_beats_every_thirty_seconds() -> None:
    stage = Stage()
    await turns()
    for _ in range(2):
        stage.clock.advance(HEARTBEAT)
        await turns()

    beat = '{"clientid":"AA020","action":"heartbeat"}'
    assert stage.channels.last.sent[3:] == [beat, beat]
    assert HEARTBEAT == 30 * SECOND
    await stage.close()


async def test_orders_and_trades_are_heard_and_the_rest_is_not() -> None:
    stage = Stage()
    await turns()
    for frame in (ORDER, TRADE, {"action": "heartbeat"}):
        stage.channels.last.tell(frame)
    await turns()

    assert [type(frame) for frame in stage.heard] == [OrderFrame, TradeFrame]
    await stage.close()


async def test_after_a_break_it_comes_back_and_says_that_reports_were_missed() -> None:
    stage = Stage()
    await turns()
    assert stage.missed == 1
    first = stage.channels.last
    first.end()

    await until(stage.clock, lambda: len(stage.channels.opened) == 2)

    assert first.is_closed
    assert stage.missed == 2
    await stage.close()


async def test_while_nobody_listens_the_pauses_grow() -> None:
    stage = Stage(failures=6)
    await until(stage.clock, lambda: stage.channels.opened)

    assert stage.channels.tried == 7
    assert stage.clock.monotonic() > 10 * SECOND
    await stage.close()


async def test_a_frame_that_nobody_understands_is_a_report_missed() -> None:
    stage = Stage()
    await turns()
    stage.channels.last.tell("what?")
    stage.channels.last.tell(ORDER)
    await turns()

    assert stage.missed == 2
    assert len(stage.heard) == 1
    await stage.close()


@pytest.mark.parametrize("code", ["MO1001", "MO8001", "MO8002"])
async def test_a_session_that_the_broker_does_not_know_ends_it(code: str) -> None:
    stage = Stage()
    await turns()
    stage.channels.last.tell({"status": "ERROR", "errorcode": code, "message": "who?"})

    assert await passing(stage.clock, stage.task) == f"{code} who?"
    assert stage.channels.last.is_closed


@pytest.mark.parametrize("code", ["MO8000", "MO2012"])
async def test_after_any_other_error_it_begins_again(code: str) -> None:
    stage = Stage()
    await turns()
    stage.channels.last.tell({"status": "ERROR", "errorcode": code})

    await until(stage.clock, lambda: len(stage.channels.opened) == 2)
    assert not stage.task.done()
    await stage.close()


async def test_no_heartbeat_is_left_behind() -> None:
    stage = Stage()
    await turns()
    await stage.close()

    assert not [task for task in asyncio.all_tasks() if task.get_name() == "heartbeat"]
