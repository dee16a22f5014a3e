"""The report stream of one session: greets, subscribes, keeps beating, and comes back when it breaks."""

import asyncio
from collections.abc import Callable

import msgspec

from phalanx.brokers.motilal.codes import CREDENTIALS_REFUSED, SESSION_OVER
from phalanx.brokers.motilal.reports import ErrorFrame, Frame, read_frame
from phalanx.brokers.motilal.row import BadData
from phalanx.brokers.motilal.sockets import Channel, OpenChannel
from phalanx.domain.secrets import Secret
from phalanx.domain.time import MILLISECOND, SECOND, Nanoseconds, Timer

HEARTBEAT: Nanoseconds = 30 * SECOND
RETRY_MIN: Nanoseconds = 200 * MILLISECOND
RETRY_MAX: Nanoseconds = 30 * SECOND
"""How long until the next socket after one that broke; the pause doubles until a frame comes."""

_OVER = SESSION_OVER | CREDENTIALS_REFUSED


class _Hello(msgspec.Struct):
    clientid: str
    authtoken: str
    apikey: str


class _Wish(msgspec.Struct):
    clientid: str
    action: str


def greeting(client: str, auth_token: Secret, api_key: Secret) -> tuple[str, ...]:
    """What is said first: who we are, and that we want orders and trades. Nothing is acknowledged."""
    hello = _Hello(client, auth_token.reveal(), api_key.reveal())
    wishes = [_Wish(client, "OrderSubscribe"), _Wish(client, "TradeSubscribe")]
    return tuple(msgspec.json.encode(text).decode() for text in (hello, *wishes))


def heartbeat(client: str) -> str:
    """What is said every thirty seconds."""
    return msgspec.json.encode(_Wish(client, "heartbeat")).decode()


class Stream:
    """``heard`` is told each frame; ``missed`` is called whenever reports may have been lost: after each
    beginning, because nothing is repeated, and for a frame that nobody understands. ``is_up``: a socket is
    open, and was greeted.
    """

    def __init__(
        self,
        open_channel: OpenChannel,
        timer: Timer,
        heard: Callable[[Frame], None],
        missed: Callable[[], None],
    ) -> None:
        self._open = open_channel
        self._timer = timer
        self._heard = heard
        self._missed = missed
        self._pause = RETRY_MIN
        self.is_up = False

    async def run(self, client: str, auth_token: Secret, api_key: Secret) -> str:
        """Hear frames until the broker does not know this session any more; returns what it said."""
        self._pause = RETRY_MIN
        greetings = greeting(client, auth_token, api_key)
        while True:
            try:
                why = await self._one(client, greetings)
            except OSError:
                why = ""
            if why:
                return why
            await self._timer.sleep(self._pause)
            self._pause = min(2 * self._pause, RETRY_MAX)

    async def _one(self, client: str, greetings: tuple[str, ...]) -> str:
        """One socket until it breaks. Raises OSError."""
        channel = await self._open()
        beating: asyncio.Task[None] | None = None
        try:
            for text in greetings:
                await channel.send(text)
            self.is_up = True
            self._missed()
            beating = asyncio.create_task(self._beat(channel, client), name="heartbeat")
            return await self._hear(channel)
        finally:
            self.is_up = False
            if beating is not None:
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)
            await channel.close()

    async def _hear(self, channel: Channel) -> str:
        while True:
            text = await channel.receive()
            try:
                frame = read_frame(text)
            except BadData:
                self._missed()
                continue
            if isinstance(frame, ErrorFrame):
                # Of what else it does not want nobody knows whether it still tells anything.
                return f"{frame.code} {frame.message}" if frame.code in _OVER else ""
            self._pause = RETRY_MIN
            if frame is not None:
                self._heard(frame)

    async def _beat(self, channel: Channel, client: str) -> None:
        while True:
            await self._timer.sleep(HEARTBEAT)
            await channel.send(heartbeat(client))
