"""A server with a source of webhooks, and senders for it."""

import hmac
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import WORKED_EXAMPLE, Site, open_site

SIGNAL = {
    "kind": "signal",
    "strategy": "{{strategy}}",
    "instrument": "{{ticker}}",
    "position": "{{action}}",
}
SOURCE: dict[str, Any] = {
    "mode": "auto",
    "verification": "hmac",
    "template": SIGNAL,
    "values": {"action": {"long": "BUY", "flat": "SELL"}},
}
ALERT = b'{"strategy": "STRATEGY_B", "ticker": "MINDA", "action": "long"}'


def sign(secret: str, timestamp: bytes, nonce: bytes, body: bytes) -> str:
    """As a sender does it, without a line of ours."""
    text = timestamp + b"." + nonce + b"." + body
    return "v1=" + hmac.new(secret.encode(), text, "sha256").hexdigest()


class Sender:
    """Somebody who knows a secret of a source."""

    def __init__(self, site: Site, source: str, secret: str) -> None:
        self.site, self.source, self.secret = site, source, secret
        self._nonces = iter(range(10**6))

    def headers(
        self,
        body: bytes,
        *,
        nonce: str | None = None,
        late_s: int = 0,
        kind: str = "application/json",
    ) -> dict[str, str]:
        """The headers of a signed alert."""
        chosen = nonce or f"nonce-{next(self._nonces):08}"
        timestamp = str(int(time.time()) - late_s)
        signature = sign(self.secret, timestamp.encode(), chosen.encode(), body)
        return {
            "content-type": kind,
            "x-phalanx-timestamp": timestamp,
            "x-phalanx-nonce": chosen,
            "x-phalanx-signature": signature,
        }

    async def post(
        self, body: bytes = ALERT, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """An alert, signed unless the headers are given."""
        return await self.site.http.post(
            f"/hooks/{self.source}", content=body, headers=headers or self.headers(body)
        )


async def put(site: Site, source: str = "tv", **changes: object) -> None:
    """Make a source, or change it."""
    answer = await site.send("PUT", f"/api/v1/hooks/{source}", {**SOURCE, **changes})
    assert answer.status_code == 200, answer.text


async def draw(site: Site, source: str = "tv") -> str:
    """A new secret of a source."""
    answer = await site.send("POST", f"/api/v1/hooks/{source}/secret")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["secret"])


async def sender(site: Site, source: str = "tv", **changes: object) -> Sender:
    """A new source and who may send for it."""
    await put(site, source, **changes)
    return Sender(site, source, await draw(site, source))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the server of ``hooked`` keeps its data."""
    return tmp_path / "data"


@pytest.fixture
async def hooked(folder: Path) -> AsyncIterator[Site]:
    """A server with the clients of the worked example."""
    async with open_site(folder) as opened:
        await opened.profiles(WORKED_EXAMPLE)
        yield opened
