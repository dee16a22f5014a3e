"""A user's session with a server: its access token is renewed when it is over, once for all processes."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final

import httpx
import msgspec

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.client import Server
from phalanx.cli.remote.documents import decode_as
from phalanx.cli.remote.folder import locked
from phalanx.cli.remote.identity import Identity
from phalanx.cli.remote.safes import Kept, Safe
from phalanx.domain.secrets import Secret

LOGIN_PATH: Final = "/api/v1/auth/login"
REFRESH_PATH: Final = "/api/v1/auth/refresh"
AHEAD_S: Final = 20
"""An access token that ends so soon is renewed before it is sent."""
REFRESH_TIMEOUT_S: Final = 30.0
"""Not the command's own patience: a refresh whose answer is not waited for ends the session."""


class Granted(msgspec.Struct, frozen=True):
    """What a login and a refresh bring, as far as the command line needs it."""

    access_token: str
    expires_in: int
    refresh_token: str | None = None
    must_change: bool = False

    def kept(self) -> Kept:
        """As it is put away. Raises Failure BAD_ANSWER."""
        if not self.refresh_token:
            raise Failure(Exit.FAILURE, "BAD_ANSWER", "the server gave no refresh token")
        renew_at = time.time() + max(0, self.expires_in - AHEAD_S)
        return Kept(Secret(self.access_token), Secret(self.refresh_token), renew_at)


class SessionIdentity(Identity):
    """A user, by the session that is kept in a safe. ``renews``: else a token that is over is sent as it is."""

    def __init__(
        self,
        url: str,
        safe: Safe,
        advice: str,
        *,
        renews: bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.advice = advice
        self._url = url
        self._safe = safe
        self._renews = renews
        self._transport = transport
        self._kept: Kept | None = None

    def token(self) -> Secret:
        """The access token; another one where this is over. Raises Failure LOGIN_NEEDED."""
        if self._kept is None:
            self._kept = self._read()
        return self._renew(self._kept.token) if self.waits() else self._kept.token

    def waits(self) -> bool:
        """Whether the token is not read yet, or is over."""
        if self._kept is None:
            return True
        return self._renews and time.time() >= self._kept.renew_at

    def renewed(self, refused: Secret) -> Secret | None:
        """The next access token. Raises Failure, also where the session is over."""
        return self._renew(refused) if self._renews else None

    def _renew(self, over: Secret) -> Secret:
        # In a thread of its own, which a Ctrl-C does not stop: a refresh token that was sent is used up,
        # and to send it twice ends the session. What comes back is put away in any case.
        with ThreadPoolExecutor(1, thread_name_prefix="refresh") as executor:
            return executor.submit(copy_context().run, self._renew_alone, over).result()

    def _renew_alone(self, over: Secret) -> Secret:
        """Only one process refreshes; one that comes later finds the new tokens in the safe."""
        with locked(self._safe.lock()):
            kept = self._read()
            if kept.token == over or time.time() >= kept.renew_at:
                kept = self._refreshed(kept)
                # Put away before it is used: whoever comes next must not send the old one again.
                self._safe.write(kept)
        self._kept = kept
        return kept.token

    def _refreshed(self, kept: Kept) -> Kept:
        if kept.refresh is None:
            raise self._login_needed()
        nobody = Identity()
        nobody.advice = self.advice
        body = {"refresh_token": kept.refresh.reveal()}
        with Server(self._url, REFRESH_TIMEOUT_S, self._transport, nobody) as there:
            return decode_as(there.ask(REFRESH_PATH, body=body), Granted).kept()

    def _read(self) -> Kept:
        kept = self._safe.read()
        if kept is None:
            raise self._login_needed()
        return kept

    def _login_needed(self) -> Failure:
        return Failure(Exit.NOT_ALLOWED, "LOGIN_NEEDED", f"nobody is logged in; {self.advice}")
