"""Requests that have come and wait for nobody: decided together, and answered together.

A task for each request, and what wakes it, costs a fifth of all that a single order does. Where nothing
has to be waited for, a turn of the loop takes what has come: reads all of it, decides all of it, waits
for the disk once, and then gives all the answers. One kind of work at a time is also quicker work: its
code stays in the processor's caches.
"""

import asyncio
import logging
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
    open_call,
    read_at_once,
    refuse,
    reply_to,
    send_reply,
)
from phalanx.api.head import Scope
from phalanx.api.house import House
from phalanx.desk.desk import Executed
from phalanx.domain.events import InstructionPlanned
from phalanx.engine.commands import Command

_log = logging.getLogger(__name__)

TOGETHER_MAX = 64
"""After so many requests the loop gets a turn: kills and cancels, answers, and what brokers say."""

FEW = 16
"""A plan of more orders waits for the disk by itself."""


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
        self._has_turn = False

    def add(self, door: Door, way: AtOnce, scope: Scope, direct: Direct, begin: Begin) -> None:
        """One more has come; its body may still be coming."""
        self._arrived.append(Arrival(door, way, open_call(self._house, scope), direct, begin))
        self._have_turn()

    def _have_turn(self) -> None:
        if not self._has_turn:
            self._has_turn = True
            asyncio.get_running_loop().call_soon(self._take)

    def _take(self) -> None:
        self._has_turn = False
        arrived = self._arrived
        first = [arrived.popleft() for _ in range(min(len(arrived), TOGETHER_MAX))]
        if arrived:
            self._have_turn()
        for run in _runs(self._execute(self._read(first))):
            durable = self._house.open_system().desk.durable(run[-1][1].seq)
            durable.add_done_callback(partial(_tell, run))

    def _read(self, arrived: list[Arrival]) -> list[tuple[Arrival, Command]]:
        """What is asked of the desk; the others are answered, or served in their own tasks."""
        asked: list[tuple[Arrival, Command]] = []
        for arrival in arrived:
            found = read_at_once(arrival.way, arrival.door, arrival.call, arrival.direct)
            if found is None:
                _begin(arrival, self._serve(arrival.door, arrival.call))
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
                _begin(arrival, self._serve(arrival.door, call))
            else:
                executed.append((arrival, found))
        return executed


def _runs(executed: list[tuple[Arrival, Executed]]) -> list[list[tuple[Arrival, Executed]]]:
    """Those that wait for the disk together: a large plan for itself, because it may fill a record of its own,
    and nobody else is to wait for that.
    """
    runs: list[list[tuple[Arrival, Executed]]] = []
    was_large = True
    for one in executed:
        is_large = _is_large(one[1])
        if is_large or was_large:
            runs.append([])
        runs[-1].append(one)
        was_large = is_large
    return runs


def _is_large(executed: Executed) -> bool:
    return any(
        type(event) is InstructionPlanned and len(event.orders) > FEW for event in executed.events
    )


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
    said = reply_to(arrival.call, answer)
    try:
        took = arrival.direct.answer(said.status, said.headers, said.body)
    except Exception:  # noqa: BLE001  one connection's trouble is not that of the others who came with it
        _log.exception("request %s was not answered", arrival.call.request_id)
        return
    if not took:
        # It reads too slowly, or is gone: a task can wait for that.
        _begin(arrival, partial(send_reply, said))


def _begin(arrival: Arrival, application: Application) -> None:
    try:
        arrival.begin(application)
    except Exception:  # noqa: BLE001  as above
        _log.exception("request %s could not be served", arrival.call.request_id)
