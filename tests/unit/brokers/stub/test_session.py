"""One login for everybody: it dies, it comes back, and nothing is written or believed meanwhile."""

import asyncio

import pytest

from phalanx.brokers.port import Accepted, NeverWritten, Refused, Unknown
from phalanx.brokers.stub import session
from phalanx.brokers.stub.messages import LOGIN, PLACE, REPORTS
from phalanx.brokers.wire import UNREACHABLE
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType
from phalanx.simulation import stub_server
from tests.unit.brokers.stub.stage import ACCOUNTS, Stage, stage, until

UP = [(account, "") for account in ACCOUNTS]


def _ups(stage: Stage) -> list[tuple[str, str]]:
    return [told for told in stage.sessions if not told[1]]


async def test_a_fill_is_heard_without_asking() -> None:
    async with stage() as it:
        order_id = await it.accepted()
        it.exchange.fill(order_id, whole(4), whole(100))
        await until(lambda: len(it.reports) == 2)

        assert [r.exec_type for r in it.reports] == [ExecType.NEW, ExecType.TRADE]
        assert it.reports[-1].last_quantity == whole(4)
        assert it.sessions == []


async def test_nobody_there_is_an_error_and_may_be_tried_again() -> None:
    it = Stage()
    await it.listen()
    await it.server.close()
    it.broker = it.module()
    with pytest.raises(OSError, match=r"."):
        await it.broker.connect()
    assert it.place().outcome == UNREACHABLE

    await it.listen()
    await it.broker.connect()
    assert await it.accepted()

    await it.broker.close()
    await it.server.close()


async def test_every_account_has_its_connection_before_its_first_order() -> None:
    async with stage() as it:
        tickets = [it.place(account) for account in ACCOUNTS]

        assert [ticket.calls for ticket in tickets] == [["admit", "written"]] * 2
        await until(lambda: all(ticket.outcomes for ticket in tickets))
        assert all(isinstance(ticket.outcome, Accepted) for ticket in tickets)


async def test_a_dead_token_is_found_out_by_whoever_and_renewed_once() -> None:
    async with stage() as it:
        it.server.expire_tokens()
        tickets = [it.place(account) for account in ACCOUNTS * 4]
        await until(lambda: all(ticket.outcomes for ticket in tickets))
        await until(lambda: _ups(it) == UP)

        codes = {
            outcome.code if isinstance(outcome, Refused) else type(outcome)
            for ticket in tickets
            for outcome in ticket.outcomes
        }
        assert "UNAUTHORIZED" in codes
        assert codes <= {"UNAUTHORIZED", NeverWritten}
        assert it.exchange.taken == {}
        assert it.server.requests[LOGIN] == 2
        downs = [account for account, why in it.sessions if why]
        assert downs == list(ACCOUNTS)
        assert it.sessions[-2:] == UP
        assert await it.accepted()


async def test_without_a_session_nothing_is_written_and_no_book_is_read() -> None:
    async with stage() as it:
        await it.server.close()
        await until(lambda: it.sessions)

        assert it.place().outcome == UNREACHABLE
        with pytest.raises(OSError, match="no session"):
            await it.broker.book("A")


async def test_a_broker_that_restarts_is_logged_in_to_again_and_orders_go_on() -> None:
    async with stage() as it:
        await it.server.close()
        await until(lambda: it.sessions)
        it.server.expire_tokens()
        it.trade_outside()
        await it.listen()
        await until(lambda: _ups(it) == UP)

        assert [(account, bool(why)) for account, why in it.sessions] == [
            *((account, True) for account in ACCOUNTS),
            *((account, False) for account in ACCOUNTS),
        ]
        assert it.reports == [], "what was missed is in the book, which is due"
        assert len((await it.broker.book("A")).trades) == 1
        assert await it.accepted()


async def test_reports_that_are_gone_are_told_as_a_session_that_is_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stub_server, "REPORTS_KEPT", 2)
    async with stage() as it:
        for _ in range(5):
            it.trade_outside()
        await until(lambda: it.sessions)

        assert it.sessions == UP
        assert len(it.reports) == 2


async def test_an_order_that_is_slow_when_the_session_dies_may_still_be_answered() -> None:
    async with stage() as it:
        it.delay_s = 0.2
        slow = it.place("A")
        await until(lambda: it.server.requests[PLACE])
        it.server.expire_tokens()
        await until(lambda: it.sessions)
        await until(lambda: slow.outcomes)

        assert isinstance(slow.outcome, Accepted)


async def test_what_is_under_way_at_the_end_is_unknown_and_nothing_comes_after_it() -> None:
    async with stage() as it:
        it.delay_s = 0.1
        ticket = it.place()
        await until(lambda: it.server.requests[PLACE])
        await it.broker.close()

        assert isinstance(ticket.outcome, Unknown)
        await until(lambda: it.exchange.taken)
        await asyncio.sleep(0.02)
        assert it.reports == []
        assert it.sessions == []


async def test_a_book_that_is_somebody_elses_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage() as it:
        mixed = it.exchange.book("B")
        monkeypatch.setattr(it.exchange, "book", lambda _account: mixed)

        with pytest.raises(OSError, match="a book of B"):
            await it.broker.book("A")


async def test_a_book_that_cannot_be_read_whole_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage() as it:
        with pytest.raises(OSError, match="HTTP 400"):
            await it.broker.book("nobody")

        monkeypatch.setattr(it.exchange, "book", lambda _account: {"account": "A"})
        with pytest.raises(OSError, match="missing required field"):
            await it.broker.book("A")

        monkeypatch.setattr(session, "BODY_BYTES_MAX", 10)
        with pytest.raises(OSError, match="too long"):
            await it.broker.book("A")


async def test_reports_that_cannot_be_read_end_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with stage() as it:
        monkeypatch.setattr(stub_server, "ReportsPage", lambda *_: {})
        it.trade_outside()
        await until(lambda: it.sessions)
        monkeypatch.undo()

        account, why = it.sessions[0]
        assert account == "A"
        assert REPORTS in why
        await until(lambda: _ups(it) == UP)
