"""Who the command line is to a server: the token that goes with whatever is asked."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Final

import httpx

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.domain.secrets import Secret

UNAUTHORIZED: Final = 401
LOGIN: Final = "log in: phalanx login"


class Identity(httpx.Auth):
    """Nobody. ``advice`` says what to do when a server wants to know more."""

    advice = LOGIN

    def token(self) -> Secret | None:
        """What to send now. May wait for a server. Raises Failure."""
        return None

    def waits(self) -> bool:
        """Whether ``token`` waits for somebody now."""
        return False

    async def token_soon(self) -> Secret | None:
        """``token``, in a thread where it waits. Raises Failure."""
        return await asyncio.to_thread(self.token) if self.waits() else self.token()

    def renewed(self, refused: Secret) -> Secret | None:  # noqa: ARG002 - nobody has another one
        """What to send instead of a token that was refused, if there is such. May wait. Raises Failure."""
        return None

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """As httpx wants it: the request, and once more with another token if that one was refused."""
        token = self.token()
        request.headers.update(bearer(token))
        answer = yield request
        if answer.status_code == UNAUTHORIZED and token is not None:
            another = self.renewed(token)
            if another is not None:
                # Safe also for what changes something: 401 says that nothing was done yet.
                request.headers.update(bearer(another))
                yield request

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """As ``sync_auth_flow``; what waits does so in a thread."""
        token = await self.token_soon()
        request.headers.update(bearer(token))
        answer = yield request
        if answer.status_code == UNAUTHORIZED and token is not None:
            another = await asyncio.to_thread(self.renewed, token)
            if another is not None:
                request.headers.update(bearer(another))
                yield request


class TokenIdentity(Identity):
    """Whoever a token says: a machine key, or an access token that nobody renews."""

    def __init__(self, token: Secret, advice: str) -> None:
        self._token = token
        self.advice = advice

    def token(self) -> Secret:
        """Always the same."""
        return self._token


def checked_token(text: str, whence: str) -> Secret:
    """A text that a header takes. Raises Failure BAD_TOKEN, which does not repeat it."""
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        detail = f"{whence} holds no token: it is one word of visible ASCII characters"
        raise Failure(Exit.USAGE, "BAD_TOKEN", detail)
    return Secret(token)


def bearer(token: Secret | None) -> dict[str, str]:
    """The header that carries a token, or none."""
    return {} if token is None else {"authorization": f"Bearer {token.reveal()}"}
