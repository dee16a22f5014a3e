"""Answers may be told to wait while more is written. None is lost, and none waits for long."""

import pytest

from phalanx.brokers.port import Accepted, PutsAnswersOff, Refused
from phalanx.brokers.stub.terms import Code
from phalanx.brokers.wire import unread
from tests.unit.brokers.stub.stage import Stage, stage, until

TLS = pytest.mark.parametrize("tls", ["", "localhost"], ids=["plain", "tls"])


def _unread(it: Stage) -> int:
    return len(it.broker._dialer.unread_answers._unread)


def wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "LATE_S", 3_600)
    monkeypatch.setattr(unread, "SAMPLE", 0)


@TLS
async def test_an_answer_waits_until_it_need_not_any_more(
    tls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_ever(monkeypatch)
    async with stage(tls) as it:
        assert isinstance(it.broker, PutsAnswersOff)
        it.broker.put_off(wait=True)
        tickets = [it.place("A"), it.place("B")]
        await until(lambda: _unread(it) == len(tickets))
        assert [ticket.calls for ticket in tickets] == [["admit", "written"]] * 2

        it.broker.put_off(wait=False)
        assert not any(ticket.outcomes for ticket in tickets), "in a turn of its own"
        await until(lambda: all(ticket.outcomes for ticket in tickets))
        assert all(isinstance(ticket.outcome, Accepted) for ticket in tickets)
        assert isinstance(await it.accepted(), str), "and the next one does not wait"


@TLS
async def test_an_answer_that_waited_too_long_is_read(
    tls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_ever(monkeypatch)
    monkeypatch.setattr(unread, "LATE_S", 0.02)
    async with stage(tls) as it:
        it.broker.put_off(wait=True)
        assert await it.accepted()


@TLS
async def test_an_answer_that_waits_is_read_when_the_module_is_closed(
    tls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_ever(monkeypatch)
    async with stage(tls) as it:
        it.broker.put_off(wait=True)
        ticket = it.place()
        await until(lambda: _unread(it))

        await it.broker.close()
        assert isinstance(ticket.outcome, Accepted), "it is known, and need not be in doubt"


async def test_a_dead_session_is_noticed_by_the_first_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unread, "LATE_S", 3_600)
    async with stage() as it:
        it.broker.put_off(wait=True)
        it.server.expire_tokens()
        refused = it.place()
        await until(lambda: refused.outcomes)

        assert isinstance(refused.outcome, Refused)
        assert refused.outcome.code == Code.UNAUTHORIZED
        await until(lambda: any(why for _, why in it.sessions))
