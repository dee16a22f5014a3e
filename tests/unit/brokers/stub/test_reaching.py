"""How the module reaches its broker: over TLS, from an address of its own, exits first."""

import pytest

from phalanx.brokers.port import Accepted
from phalanx.brokers.stub.messages import PLACE
from phalanx.brokers.wire import UNREACHABLE
from phalanx.brokers.wire.pool import CONNECTIONS_MAX
from tests.unit.brokers.stub.stage import ACCOUNTS, Stage, stage, until


@pytest.mark.parametrize("tls", ["", "localhost"], ids=["plain", "tls"])
async def test_orders_and_books_leave_from_its_source_address(tls: str) -> None:
    async with stage(tls, source="127.0.0.2") as it:
        assert await it.accepted()
        assert (await it.broker.book("A")).orders

        peers = {writer.get_extra_info("peername")[0] for writer in it.server._serving.values()}
        assert peers == {"127.0.0.2"}
        assert len(it.server._serving) > len(ACCOUNTS)


async def test_an_address_that_this_machine_does_not_have_is_said() -> None:
    it = Stage(source="192.0.2.1")
    await it.listen()
    it.broker = it.module()

    with pytest.raises(OSError, match=r"from 192\.0\.2\.1: .*assign requested address"):
        await it.broker.connect()

    assert it.place().outcome == UNREACHABLE
    await it.broker.close()
    await it.server.close()


async def test_over_tls_it_comes_back_when_the_broker_does() -> None:
    async with stage("localhost") as it:
        assert await it.accepted()
        await it.server.close()
        await until(lambda: it.sessions)
        await it.listen()
        await until(lambda: not it.sessions[-1][1])

        assert await it.accepted("B")


async def test_a_broker_that_is_not_who_it_says_gets_nothing() -> None:
    it = Stage("elsewhere")
    await it.listen()
    it.broker = it.module()

    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        await it.broker.connect()

    assert it.server.requests == {}
    await it.broker.close()
    await it.server.close()


async def test_an_exit_goes_before_entries_that_wait() -> None:
    async with stage() as it:
        it.delay_s = 0.1
        entries = [it.place() for _ in range(CONNECTIONS_MAX + 2)]
        leaving = it.place(reduce_only=True)
        await until(lambda: it.server.requests[PLACE] == CONNECTIONS_MAX)

        written = [ticket.calls == ["admit", "written"] for ticket in (leaving, *entries)]
        assert written == [True] * CONNECTIONS_MAX + [False] * 3
        await until(lambda: all(ticket.outcomes for ticket in (leaving, *entries)))
        assert all(isinstance(ticket.outcome, Accepted) for ticket in (leaving, *entries))
