"""From a durable dispatch to written bytes: processor time for each order, with all checks.

Beside it the two system calls that even the floor makes: is anything pending, and send. Both go over
TCP to a broker in this very process, one warm connection for each account, which reads when all is
written. ``python -m benchmarks.firing_path`` prints minima and medians of many rounds.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
import uvloop

from benchmarks.broker import LeanBroker
from benchmarks.firing import ACCOUNT, ARRIVE_S_MAX, people, stock_of
from benchmarks.scene import Scene
from benchmarks.worker import freeze
from phalanx.bootstrap import LoopTimer, SystemClock
from phalanx.brokers.kill_flag import FILE, KillFlagFile
from phalanx.brokers.placing import place_request
from phalanx.brokers.stub import NAME, StubBroker, stub_capabilities
from phalanx.brokers.stub.messages import PLACE
from phalanx.brokers.wire import Address, Dialer, RequestHead
from phalanx.brokers.wire.quiet import pending_on
from phalanx.cli.process.listener import allow_many_files
from phalanx.desk.clock import SteadyClock
from phalanx.desk.firing.firing import Firing
from phalanx.desk.firing.gate import Gate
from phalanx.domain.events import OrdersDispatched
from phalanx.domain.instructions import SignalRequest
from phalanx.domain.numbers import FIXED_MAX
from phalanx.domain.orders import Side
from phalanx.domain.time import MICROSECOND

ACCOUNTS = 1_000
ROUNDS = 60


class Desk:
    """As much of a desk as fires: lanes, gate, kill flag, tickets, and the broker's module."""

    def __init__(self, folder: Path, address: Address) -> None:
        self.scene = Scene(time.time_ns(), people((ACCOUNTS,)), ACCOUNT)
        request = SignalRequest(f"ALL-{ACCOUNTS}", stock_of((ACCOUNTS,), ACCOUNTS), Side.BUY)
        events = [event for event, _ in self.scene.submit(request)[0]]
        self.dispatched = [event for event in events if type(event) is OrdersDispatched]
        state = self.scene.state
        for order in state.open_orders():
            # The same orders are written in every round: nothing of what comes back is booked.
            order.deadline = FIXED_MAX
        self.broker = StubBroker(Dialer(address), stub_capabilities(), lambda: state.accounts)
        clock = SteadyClock(SystemClock(), time.time_ns())
        gate = Gate(state, clock, state.epoch, KillFlagFile(folder / FILE))
        self.firing = Firing(
            state, {NAME: self.broker}, gate, clock, LoopTimer(), lambda _command: None
        )
        self.lanes = [self.firing.turns.lane(account) for account in state.accounts.values()]

    def fire(self) -> None:
        """Write them all, in one turn of the loop."""
        for _ in self.firing.wire.released(self.dispatched, 2 * ACCOUNTS):
            pass

    def requests(self, address: Address) -> list[bytes]:
        """What it writes."""
        state = self.scene.state
        head = RequestHead(address, PLACE, {"Authorization": "Bearer T1"})
        placed = [place_request(o, state.book_of(o).account) for o in state.open_orders()]
        return [head.request(msgspec.json.encode(request)) for request in placed]


class Bare:
    """The same bytes on the same number of connections, written in a flat loop."""

    def __init__(self, address: Address, requests: Sequence[bytes]) -> None:
        sockets = [socket.create_connection((address.host, address.port)) for _ in requests]
        for own in sockets:
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            own.setblocking(False)
        self._sockets = sockets
        self._calls = [
            (pending_on(own), own.send, request)
            for own, request in zip(sockets, requests, strict=True)
        ]

    def fire(self) -> None:
        """Write them all."""
        for pending, send, request in self._calls:
            pending()
            send(request)

    def read(self) -> None:
        """Throw away what came back."""
        for own in self._sockets:
            own.recv(1 << 16)


async def _timed(broker: LeanBroker, fire: Callable[[], None]) -> float:
    """Microseconds of this thread for each order; all of them have arrived when it returns."""
    arrived = broker.expect(ACCOUNTS)
    begun = time.thread_time_ns()
    fire()
    took = time.thread_time_ns() - begun
    async with asyncio.timeout(ARRIVE_S_MAX):
        await arrived
    await asyncio.sleep(0.02)
    return took / ACCOUNTS / MICROSECOND


async def _measure(folder: Path) -> None:
    broker = LeanBroker()
    address = Address("127.0.0.1", await broker.start())
    desk = Desk(folder, address)
    await desk.broker.connect()
    bare = Bare(address, desk.requests(address))
    freeze()
    ours, floor = [], []
    for _ in range(ROUNDS):
        for lane in desk.lanes:
            lane.window.reserve()
        ours.append(await _timed(broker, desk.fire))
        assert not len(desk.firing.wire), "everything was answered"
        floor.append(await _timed(broker, bare.fire))
        bare.read()
    for name, times in (("ours", ours), ("poll and send", floor)):
        print(
            f"{name:<14} {min(times):6.2f} µs an order at best, {median(times):6.2f} in the middle"
        )
    await desk.broker.close()
    broker.close()


def main() -> None:
    """``python -m benchmarks.firing_path``."""
    allow_many_files()
    with TemporaryDirectory() as folder:
        uvloop.run(_measure(Path(folder)))


if __name__ == "__main__":
    main()
