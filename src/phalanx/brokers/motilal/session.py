"""One login's session: one task logs in, hears the stream, finds out that the session is over, and logs in
again, so nobody else ever does, and no other login waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

from phalanx.brokers.motilal.books import Said
from phalanx.brokers.motilal.codes import SESSION_OVER
from phalanx.brokers.motilal.credentials import Credentials, InvalidCredentials
from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.envelope import read_envelope
from phalanx.brokers.motilal.headers import headers_of
from phalanx.brokers.motilal.login import AskCode, LoginRefused, Tokens, log_in, log_out
from phalanx.brokers.motilal.pace import Pace
from phalanx.brokers.motilal.questions import Post
from phalanx.brokers.motilal.row import BadData
from phalanx.brokers.motilal.settings import LoginSettings
from phalanx.brokers.motilal.skew import SkewWatch
from phalanx.brokers.motilal.stream import Stream
from phalanx.domain.time import MINUTE, SECOND, Clock, Nanoseconds, Timer

RETRY_MIN: Nanoseconds = SECOND // 2
RETRY_MAX: Nanoseconds = 30 * SECOND
REFUSED_MIN: Nanoseconds = MINUTE
REFUSED_MAX: Nanoseconds = 15 * MINUTE
"""How long until the next login after one that failed; longer where the broker wanted none of it, and never
within one step of a TOTP. The pause doubles while they fail.
"""

SHORT: Nanoseconds = 30 * SECOND
"""After a second session that did not last so long the next one waits, longer each time."""

_DOUBLINGS_MAX = 10

ANSWER_S_MAX = 20.0
LOGIN_S_MAX = 180.0
"""A code by phone has to be read and typed."""

LOGOUT_S_MAX = 2.0

_UNAUTHORIZED: frozenset[int] = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class Session:
    """``credentials`` are read once for each new session, and again after they were refused; that raises
    OSError where there are none. ``changed`` hears why the session is down, or, with an empty text, that it
    is up; both also when that was said before. ``skew``: the broker's clock against ours.
    """

    def __init__(
        self,
        settings: LoginSettings,
        credentials: Callable[[], Awaitable[Credentials]],
        post: Post,
        stream: Stream,
        clock: Clock,
        timer: Timer,
        changed: Callable[[str], None],
    ) -> None:
        self.tokens: Tokens | None = None
        self.credentials: Credentials | None = None
        self.ask_code: AskCode | None = None
        self.why = "not logged in yet"
        self._settings = settings
        self._read_credentials = credentials
        self.skew = self._post = SkewWatch(post, clock)
        self._stream = stream
        self._clock = clock
        self._timer = timer
        self._changed = changed
        self._pace = Pace(clock, timer)
        self._tried: asyncio.Future[None] | None = None
        self._over: asyncio.Future[str] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def hears(self) -> bool:
        """Whether its reports are heard."""
        return self._stream.is_up

    def start(self) -> "asyncio.Future[None]":
        """Begin to log in; safe to call again. The future is done when that was tried once."""
        if self._tried is None:
            self._tried = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(), name="motilal session")
        return self._tried

    async def close(self) -> None:
        """Stop, and log out if the broker is quick about it; nothing is heard afterwards."""
        tokens, self.tokens = self.tokens, None
        self.why = "closed"
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if tokens is not None and self.credentials is not None:
            with suppress(OSError):
                async with asyncio.timeout(LOGOUT_S_MAX):
                    await log_out(self._post, self._settings, self.credentials, tokens)
        await self._post.close()

    def expire(self, tokens: Tokens, why: str = "logged out by the broker") -> None:
        """The broker does not know these tokens any more: log in again, unless that was done since."""
        if tokens is self.tokens and self._over is not None and not self._over.done():
            self.tokens = None
            self.why = why
            self._over.set_result(why)

    async def ask(self, path: Path, body: bytes) -> Said:
        """One question, when its turn comes. Raises OSError for every answer that is not the broker's own."""
        await self._pace.turn()
        tokens, credentials = self.tokens, self.credentials
        if tokens is None or credentials is None:
            raise ConnectionError(f"there is no session: {self.why}")
        headers = headers_of(self._settings, credentials, tokens.auth, tokens.access)
        async with asyncio.timeout(ANSWER_S_MAX):
            answer = await self._post.post(path, headers, body)
        if answer.status in _UNAUTHORIZED:
            self.expire(tokens, f"HTTP {answer.status}")
        if answer.status != HTTPStatus.OK:
            raise ConnectionError(f"{path}: HTTP {answer.status}")
        try:
            envelope = read_envelope(answer.body)
        except BadData as bad:
            raise ConnectionError(f"{path}: {bad}") from bad
        if envelope.code in SESSION_OVER:
            self.expire(tokens, f"{envelope.code} {envelope.message}")
        return Said(envelope, answer.time)

    # --- inside ------------------------------------------------------------------------------------

    async def _run(self) -> None:
        shorts = 0
        while True:
            if shorts > 1:
                await self._timer.sleep(min(RETRY_MIN << min(shorts, _DOUBLINGS_MAX), RETRY_MAX))
            tokens, credentials = await self._log_in_until_up()
            began = self._clock.monotonic()
            over = self._over = asyncio.get_running_loop().create_future()
            self.tokens, self.credentials, self.why = tokens, credentials, ""
            self._told_once()
            self._changed("")
            self.why = await self._until(over, tokens, credentials)
            self.tokens = None
            self._changed(self.why)
            shorts = shorts + 1 if self._clock.monotonic() - began < SHORT else 0

    async def _until(
        self, over: "asyncio.Future[str]", tokens: Tokens, credentials: Credentials
    ) -> str:
        """Hear the stream until the session is over; returns why."""
        hearing = asyncio.create_task(
            self._stream.run(credentials.user, tokens.auth, credentials.api_key),
            name="motilal stream",
        )
        left = max(0, tokens.ends_at - self._clock.now())
        end = self._timer.call_later(left, lambda: self.expire(tokens, "its day has ended"))
        try:
            await asyncio.wait({over, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            end.cancel()
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        if over.done():
            return over.result()
        failure = hearing.exception()
        return f"no reports: {failure!r}" if failure is not None else hearing.result()

    async def _log_in_until_up(self) -> tuple[Tokens, Credentials]:
        pause, refused = RETRY_MIN, REFUSED_MIN
        credentials: Credentials | None = None
        while True:
            try:
                if credentials is None:
                    credentials = await self._read_credentials()
                async with asyncio.timeout(LOGIN_S_MAX):
                    now = self._clock.now()
                    tokens = await log_in(
                        self._post, self._settings, credentials, now, self.ask_code
                    )
                return tokens, credentials
            except (LoginRefused, InvalidCredentials) as failure:
                credentials = None
                why, wait = str(failure), refused
                refused = min(2 * refused, REFUSED_MAX)
            except Exception as failure:  # noqa: BLE001  whatever it was, this login tries again
                why, wait = str(failure) or repr(failure), pause
                pause = min(2 * pause, RETRY_MAX)
            self.why = f"cannot log in: {why}"
            self._told_once()
            self._changed(self.why)
            await self._timer.sleep(wait)

    def _told_once(self) -> None:
        if self._tried is not None and not self._tried.done():
            self._tried.set_result(None)
