"""Start-up: take over, connect, and open the accounts one by one as their books are read.

Each step may be repeated after a crash in the middle of it.
"""

import asyncio
from collections.abc import Mapping

from phalanx.brokers.port import Broker
from phalanx.desk.desk import Desk
from phalanx.desk.errors import Stopped
from phalanx.desk.reconciling.book_reader import within
from phalanx.domain.time import MINUTE, SECOND, Nanoseconds
from phalanx.engine.commands import BeginTerm, Tick

NOT_ASKED = "not reconciled yet"

FIRST_READINGS_NS_MAX: Nanoseconds = 10 * SECOND
"""The doors do not wait longer for accounts whose brokers are slow or dead."""

CONNECT_NS_MAX: Nanoseconds = 30 * SECOND
"""What one try to connect may take."""

RETRY_NS: Nanoseconds = SECOND
"""After a try that failed: so long, and double each time up to a minute."""


async def take_over(desk: Desk, version: str, desk_id: str) -> None:
    """Journal the new term, and wait until it is durable: the barrier before anything else."""
    desk.begin()
    for account in desk.state.accounts:
        desk.closed[account] = NOT_ASKED
    desk.handle(BeginTerm(desk.epoch, version, desk_id))
    await desk.durable(desk.state.seq)
    if desk.state.epoch != desk.epoch:
        raise Stopped(desk.stopped)
    desk.handle(Tick())
    desk.adopt_direct_kills()


async def open_accounts(desk: Desk, brokers: Mapping[str, Broker]) -> None:
    """Listen and connect to every broker, and open each account once its book has been read.

    Returns when every account was tried once, after `FIRST_READINGS_NS_MAX` at the latest; the others
    are tried on beside the desk's work. An account that is not open says why; the others trade.
    """
    for broker in brokers.values():
        broker.listen(desk.report, desk.session)
    desk.firing.resume()
    for name, broker in brokers.items():
        desk.run(_connect(desk, name, broker), f"connect to {name}")
    await desk.reconciler.first_readings(FIRST_READINGS_NS_MAX)
    desk.run(desk.reconciler.rotate(), "reconcile")
    desk.firing.wire.resume_hand_fills()
    await desk.durable(desk.state.seq)


async def _connect(desk: Desk, name: str, broker: Broker) -> None:
    """Try until it succeeds, ever more rarely."""
    pause_ns = RETRY_NS
    while True:
        try:
            connecting = asyncio.create_task(broker.connect(), name=f"connect to {name}")
            await within(desk.timer, connecting, CONNECT_NS_MAX)
        except Exception as failure:  # noqa: BLE001  a broken module is no reason for the others
            desk.reconciler.unconnected(name, str(failure) or repr(failure))
            await desk.timer.sleep(pause_ns)
            pause_ns = min(2 * pause_ns, MINUTE)
        else:
            desk.reconciler.connected(name)
            return
