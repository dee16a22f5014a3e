"""Following the stream: snapshot, deltas, and a fresh start whenever a message is missing."""

import asyncio
from collections.abc import Mapping

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from phalanx.cli.documents import decode_as
from phalanx.cli.exits import Exit, Failure
from phalanx.cli.moments import clock
from phalanx.cli.screen import Screen
from phalanx.cli.stopping import stop_on_signals, wait_for

MESSAGE_BYTES_MAX = 256 * 1024 * 1024
"""A snapshot of a busy desk is one message."""
BACKLOG_MESSAGES = 1_024
FIRST_PAUSE_S = 0.5
PAUSE_S_MAX = 5.0
PATIENCE_S = 60.0
"""How long a server that went away is waited for."""


class Message(msgspec.Struct, frozen=True):
    """One message of the stream."""

    topic: str
    type: str
    n: int = 0
    seq: int = 0
    items: list[dict[str, object]] = []
    gone: list[str] = []


class Enough(Exception):
    """So many lines were asked for, and here they are."""


class Follower:
    """Prints a line for every row that changed; with ``as_json``, the row as JSON."""

    def __init__(
        self,
        url: str,
        topics: tuple[str, ...],
        screen: Screen,
        *,
        count: int | None = None,
        backlog: bool = False,
    ) -> None:
        self._url = url
        self._address = f"ws{url.removeprefix('http')}/ws?topics={','.join(topics)}"
        self._screen = screen
        self._left = count
        self._backlog = backlog
        self._numbers: dict[str, int] = {}
        self._connected_once = False

    async def follow(self) -> None:
        """Until a signal, or ``count`` lines. Raises Failure SERVER_UNREACHABLE."""
        stop = stop_on_signals()
        reading = asyncio.create_task(self._read_on(stop))
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not reading.done():
            reading.cancel()
        ended = (await asyncio.gather(reading, waiting, return_exceptions=True))[0]
        if isinstance(ended, Exception) and not isinstance(ended, Enough):
            raise ended

    async def _read_on(self, stop: asyncio.Event) -> None:
        """Read, and begin again when the connection breaks."""
        away_s, pause_s = 0.0, FIRST_PAUSE_S
        while True:
            try:
                async with connect(
                    self._address,
                    proxy=None,
                    max_size=MESSAGE_BYTES_MAX,
                    max_queue=BACKLOG_MESSAGES,
                    open_timeout=5,
                ) as connection:
                    self._connected_once = True
                    away_s, pause_s = 0.0, FIRST_PAUSE_S
                    why = await self._read(connection)
            except ConnectionClosed as closed:
                frame = closed.rcvd
                why = f"the server closed the connection ({frame.reason or frame.code if frame else 'lost'})"
            except InvalidHandshake as error:
                raise Failure(Exit.FAILURE, "NO_STREAM", f"{self._url}: {error}") from None
            except BrokenPipeError:
                # Whoever read our output has gone (`watch | head`); a lost server is ConnectionClosed.
                raise
            except (OSError, TimeoutError) as error:
                why = str(error) or "no answer"
                if not self._connected_once or away_s >= PATIENCE_S:
                    detail = f"the server at {self._url} cannot be reached ({why})"
                    raise Failure(Exit.UNREACHABLE, "SERVER_UNREACHABLE", detail) from None
            self._screen.note(f"{why}; connecting again")
            if await wait_for(stop, pause_s):
                return
            away_s += pause_s
            pause_s = min(PAUSE_S_MAX, 2 * pause_s)

    async def _read(self, connection: ClientConnection) -> str:
        """Show messages until one is missing; says so. Raises ConnectionClosed."""
        self._numbers.clear()
        while True:
            message = decode_as(await connection.recv(decode=False), Message)
            known = self._numbers.get(message.topic)
            if message.type == "delta" and known is not None and message.n != known + 1:
                return f"a message of {message.topic} is missing"
            self._numbers[message.topic] = message.n
            if message.type != "snapshot" or self._backlog:
                self._show(message)

    def _show(self, message: Message) -> None:
        for item in message.items:
            if self._screen.as_json:
                self._screen.document({"topic": message.topic, "seq": message.seq, **item})
            else:
                self._screen.say(line(message.topic, item))
            if self._left is not None:
                self._left -= 1
                if self._left <= 0:
                    raise Enough


def line(topic: str, item: Mapping[str, object]) -> str:
    """One row of a topic as a line for a person."""
    words = [_time(item.get("time_ns"))]
    match topic:
        case "orders":
            words += _order_words(item)
        case "instructions":
            words += _instruction_words(item)
        case "accounts":
            words += [f"{item.get('account')}  cash {item.get('cash')}  holds {item.get('holds')}"]
        case _:
            words += [f"{item.get('name')}  {item.get('text')}"]
    return "  ".join(words)


def _time(time_ns: object) -> str:
    """As ``clock`` has it; blanks for a row without a time."""
    return clock(time_ns) if isinstance(time_ns, int) and time_ns else " " * 12


def _order_words(item: Mapping[str, object]) -> list[str]:
    what = f"{item.get('side')} {item.get('quantity')} {item.get('symbol')}"
    words = [str(item.get("order_id")), str(item.get("account")), what, str(item.get("status"))]
    filled = item.get("filled")
    if filled not in (None, "", "0"):
        words.append(f"filled {filled} at {item.get('average_price')}")
    tat_ns = item.get("tat_ns")
    if isinstance(tat_ns, int) and tat_ns:
        words.append(f"TAT {tat_ns / 1e6:.2f} ms")
    words += [str(item[name]) for name in ("flag", "message") if item.get(name)]
    return words


def _instruction_words(item: Mapping[str, object]) -> list[str]:
    words = [str(item.get("instruction_id")), str(item.get("text")), str(item.get("status"))]
    words.append(f"{item.get('orders')} orders, {item.get('skips')} skipped")
    outcomes = item.get("outcomes")
    if isinstance(outcomes, Mapping) and outcomes:
        words.append(", ".join(f"{count} {name.lower()}" for name, count in outcomes.items()))
    if item.get("reason"):
        words.append(str(item["reason"]))
    return words
