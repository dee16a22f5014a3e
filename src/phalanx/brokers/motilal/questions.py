"""How questions reach the broker: logins, books. Orders do not come this way."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpx
import msgspec

from phalanx.brokers.motilal.settings import LoginSettings
from phalanx.brokers.wire import Dialer
from phalanx.domain.time import SECOND, Nanoseconds

BODY_BYTES_MAX = 64 << 20
"""The book of an account with a hundred thousand orders is smaller."""

TIMEOUT_S = 10.0
CONNECTIONS_MAX = 4
DATE_CHARS_MAX = 40


class Answered(msgspec.Struct, frozen=True):
    """A complete answer. ``time``: the broker's clock as its ``Date`` header has it; 0: it told none."""

    status: int
    body: bytes
    time: Nanoseconds = 0


class Post(Protocol):
    """Asks one question. Raises OSError when there is no complete answer."""

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """The answer, whatever it says."""
        ...

    async def close(self) -> None:
        """Ask nothing more."""
        ...


class HttpPost:
    """Over HTTPS, from the login's own address, without proxies, cookies or redirects."""

    def __init__(self, settings: LoginSettings, dialer: Dialer) -> None:
        self._from = f" from {settings.source}" if settings.source else ""
        self._http = httpx.AsyncClient(
            base_url=dialer.address.url,
            timeout=TIMEOUT_S,
            transport=httpx.AsyncHTTPTransport(
                verify=dialer.tls or True,
                limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
                local_address=settings.source or None,
                trust_env=False,
            ),
            trust_env=False,
        )

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """See `Post.post`."""
        whole = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
        found = bytearray()
        try:
            asked = self._http.stream("POST", path, headers=whole, content=body)
            async with asked as answer:
                async for chunk in answer.aiter_raw():
                    found += chunk
                    if len(found) > BODY_BYTES_MAX:
                        raise ConnectionError(f"{path}: the answer is too long")
        except httpx.HTTPError as error:
            raise ConnectionError(f"{path}{self._from}: {str(error) or repr(error)}") from error
        time = broker_time(answer.headers.get("Date", ""))
        return Answered(answer.status_code, bytes(found), time)

    async def close(self) -> None:
        """See `Post.close`."""
        await self._http.aclose()


def broker_time(date: str) -> Nanoseconds:
    """An HTTP date as nanoseconds; 0 where it is none."""
    try:
        seconds = parsedate_to_datetime(date[:DATE_CHARS_MAX]).timestamp()
    except (ValueError, OverflowError, TypeError):
        return 0
    return max(0, round(seconds)) * SECOND
