"""Requests that have come and wait for nobody: decided together, and answered together.

A task for each request, and what wakes it, costs a fifth of all that a single order does. Where nothing
has to be waited for, a turn of the loop takes what has come: reads all of it, decides all of it, waits
for the disk once, and then gives all the answers. One kind of work at a time is also quicker work: its
code stays in the processor's caches.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

import msgspec

from phalanx.api.direct import Application, Begin, Direct
from phalanx.api.exchange import (
    Answer,
    AtOnce,
    Call,
    Door,
    House,
    open_call,
    read_at_once,
    refuse,
    reply,
    send_reply,
)
from phalanx.api.head import Scope
from phalanx.desk.desk import Executed
from phalanx.engine.commands import Command

TOGETHER_MAX = 64
"""After so many requests the loop gets a turn: kills and cancels, answers, and what brokers say."""


class Arrival(msgspec.Struct, frozen=True, eq=False):
    """A request that came through ``door``, which has a ``way`` to execute it at once. ``begin`` has an
    application serve it in a task of its own.
    """

    door: Door
    way: AtOnce
    call: Call
    direct: Direct
    begin: Begin


class Arrivals:
    """Takes requests in the turn of the loop after they came. ``serve`` is the way of all others: what
    cannot be executed at once goes there, with nothing decided.
    """

    def __init__(self, house: House, serve: Callable[[Door, Call], Application]) -> None:
        self._house = house
        self._serve = serve
        self._arrived: deque[Arrival] = deque()

    def add(self, door: Door, way: AtOnce, scope: Scope, direct: Direct, begin: Begin) -> None:
        """One more has come; its body may still be coming."""
        if not self._arrived:
            asyncio.get_running_loop().call_soon(self._take)
        self._arrived.append(Arrival(door, way, open_call(self._house, scope), direct, begin))

    def _take(self) -> None:
        arrived = self._arrived
        asked = self._read([arrived.popleft() for _ in range(min(len(arrived), TOGETHER_MAX))])
        if arrived:
            asyncio.get_running_loop().call_soon(self._take)
        executed = self._execute(asked)
        if executed:
            last = executed[-1][1]
            durable = self._house.open_system().desk.durable(last.seq)
            durable.add_done_callback(partial(_tell, executed))

    def _read(self, arrived: list[Arrival]) -> list[tuple[Arrival, Command]]:
        """What is asked of the desk; the others are answered, or served in their own tasks."""
        asked: list[tuple[Arrival, Command]] = []
        for arrival in arrived:
            found = read_at_once(arrival.way, arrival.door, arrival.call, arrival.direct)
            if found is None:
                arrival.begin(self._serve(arrival.door, arrival.call))
            elif isinstance(found, Answer):
                _answer(arrival, found)
            else:
                asked.append((arrival, found))
        return asked

    def _execute(self, asked: list[tuple[Arrival, Command]]) -> list[tuple[Arrival, Executed]]:
        """What was decided; the others are refused, or wait for their turn in their own tasks."""
        executed: list[tuple[Arrival, Executed]] = []
        for arrival, command in asked:
            call = arrival.call
            try:
                found = call.desk.execute_at_once(command)
            except Exception as error:  # noqa: BLE001  a door answers, whatever happened behind it
                _answer(arrival, refuse(error, call.request_id))
                continue
            if found is None:
                arrival.begin(self._serve(arrival.door, call))
            else:
                executed.append((arrival, found))
        return executed


def _tell(executed: list[tuple[Arrival, Executed]], durable: "asyncio.Future[None]") -> None:
    """All of it is durable, or never will be."""
    for arrival, found in executed:
        try:
            durable.result()
            answer = arrival.way.answer(arrival.call, found)
        except Exception as error:  # noqa: BLE001  a door answers, whatever happened behind it
            answer = refuse(error, arrival.call.request_id)
        _answer(arrival, answer)


def _answer(arrival: Arrival, answer: Answer) -> None:
    said = reply(answer, arrival.call.request_id)
    if not arrival.direct.answer(said.status, said.headers, said.body):
        # It reads too slowly, or is gone: a task can wait for that.
        arrival.begin(partial(send_reply, said))
