"""Following the stream: snapshot, deltas, and a fresh start whenever a message is missing."""

import asyncio
import signal
from contextlib import suppress

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.process.stopping import Stop, stop_on_signals, wait_for
from phalanx.cli.remote.client import refusal
from phalanx.cli.remote.documents import decode_as
from phalanx.cli.remote.identity import UNAUTHORIZED, Identity, bearer
from phalanx.cli.remote.trust import authority
from phalanx.cli.watching.log import Log
from phalanx.cli.watching.messages import Audience, Enough, Message
from phalanx.domain.secrets import Secret

MESSAGE_BYTES_MAX = 256 * 1024 * 1024
"""A snapshot of a busy desk is one message."""
BACKLOG_MESSAGES = 1_024
NOT_LET_IN = {401, 403}
FIRST_PAUSE_S = 0.5
STAY_EVERY_S = 60.0
PAUSE_S_MAX = 5.0
PATIENCE_S = 60.0
"""How long a server that went away is waited for."""


class Follower:
    """Tells an audience what happens; with a ``log``, what it missed while it was away as well."""

    def __init__(
        self,
        url: str,
        topics: tuple[str, ...],
        audience: Audience,
        log: Log | None = None,
        identity: Identity | None = None,
    ) -> None:
        self._url = url
        self._identity = identity or Identity()
        self._address = f"ws{url.removeprefix('http')}/ws?topics={','.join(topics)}"
        self._audience = audience
        self._log = log
        self._numbers: dict[str, int] = {}
        self._connected_once = False

    async def follow(self) -> Exit:
        """Until a signal, or the audience has enough: 0, or 130 after Ctrl-C.

        Raises Failure SERVER_UNREACHABLE.
        """
        stop = stop_on_signals()
        reading = asyncio.create_task(self._read_on(stop))
        waiting = asyncio.create_task(stop.wait())
        staying = asyncio.create_task(self._stay_logged_in())
        await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        staying.cancel()
        if not reading.done():
            reading.cancel()
        ended = (await asyncio.gather(reading, waiting, staying, return_exceptions=True))[0]
        if isinstance(ended, Exception) and not isinstance(ended, Enough):
            raise ended
        return Exit.INTERRUPTED if stop.number is signal.SIGINT else Exit.OK

    async def _stay_logged_in(self) -> None:
        """A session ends when nothing is heard of it for long; whoever looks on is there."""
        while True:
            await asyncio.sleep(STAY_EVERY_S)
            # Where it is over, the server ends the stream, and to connect again says why.
            with suppress(Failure):
                await self._identity.token_soon()

    async def _read_on(self, stop: Stop) -> None:
        """Read, and begin again when the connection breaks."""
        away_s, pause_s = 0.0, FIRST_PAUSE_S
        while True:
            try:
                async with await self._connect() as connection:
                    self._connected_once = True
                    away_s, pause_s = 0.0, FIRST_PAUSE_S
                    why = await self._read(connection)
            except ConnectionClosed as closed:
                frame = closed.rcvd
                why = f"the server closed the connection ({frame.reason or frame.code if frame else 'lost'})"
            except InvalidHandshake as error:
                raise self._refusal(error) from None
            except Failure as failure:
                # The server went while it was asked for the order log, or for another token.
                if failure.exit_code is not Exit.UNREACHABLE or self._gives_up(away_s):
                    raise
                why = failure.detail
            except BrokenPipeError:
                # Whoever read our output has gone (`watch | head`); a lost server is ConnectionClosed.
                raise
            except (OSError, TimeoutError) as error:
                why = str(error) or "no answer"
                if self._gives_up(away_s):
                    detail = f"the server at {self._url} cannot be reached ({why})"
                    raise Failure(Exit.UNREACHABLE, "SERVER_UNREACHABLE", detail) from None
            self._audience.note(f"{why}; connecting again")
            if await wait_for(stop, pause_s):
                return
            away_s += pause_s
            pause_s = min(PAUSE_S_MAX, 2 * pause_s)

    def _gives_up(self, away_s: float) -> bool:
        return not self._connected_once or away_s >= PATIENCE_S

    async def _connect(self) -> ClientConnection:
        """The stream; with another token where the one that was sent is over.

        Raises InvalidHandshake, Failure, what a socket raises.
        """
        token = await self._identity.token_soon()
        try:
            return await self._open(token)
        except InvalidStatus as refused:
            if refused.response.status_code != UNAUTHORIZED or token is None:
                raise
            another = await asyncio.to_thread(self._identity.renewed, token)
            if another is None:
                raise
        return await self._open(another)

    async def _open(self, token: Secret | None) -> ClientConnection:
        return await connect(
            self._address,
            additional_headers=bearer(token),
            ssl=authority() if self._address.startswith("wss:") else None,
            proxy=None,
            max_size=MESSAGE_BYTES_MAX,
            max_queue=BACKLOG_MESSAGES,
            open_timeout=5,
        )

    def _refusal(self, error: InvalidHandshake) -> Failure:
        """Why there is no stream."""
        if isinstance(error, InvalidStatus) and error.response.status_code in NOT_LET_IN:
            said = httpx.Response(error.response.status_code, content=bytes(error.response.body))
            return refusal(said, self._identity.advice)
        return Failure(Exit.FAILURE, "NO_STREAM", f"{self._url}: {error}")

    async def _read(self, connection: ClientConnection) -> str:
        """Tell messages until one is missing; says so. Raises ConnectionClosed."""
        self._numbers.clear()
        while True:
            message = decode_as(await connection.recv(decode=False), Message)
            known = self._numbers.get(message.topic)
            if message.type == "delta" and known is not None and message.n != known + 1:
                return f"a message of {message.topic} is missing"
            self._numbers[message.topic] = message.n
            if self._log is not None:
                await self._recall(self._log, message)
            self._audience.take(message)

    async def _recall(self, log: Log, message: Message) -> None:
        """What happened before the table that comes now, from the order log."""
        if message.is_snapshot:
            # The log is read page by page; the stream waits in its buffers meanwhile.
            for rows in log.pages(message.seq):
                self._audience.recall(rows)
                await asyncio.sleep(0)
        log.seen(message.seq)
