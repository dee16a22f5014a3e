"""A server with logins, whose passwords cost nothing and whose sessions go by a clock that tests move."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from phalanx.access.access import Access
from phalanx.access.directory import Directory
from phalanx.access.users import Duties
from phalanx.api import create_app
from phalanx.api.front import Front
from phalanx.api.system import System
from phalanx.bootstrap import build
from phalanx.config import Settings
from phalanx.domain.access import Role
from phalanx.domain.audit import Act
from phalanx.domain.instructions import Origin
from phalanx.domain.secrets import Secret
from tests.api.conftest import WORKED_EXAMPLE
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import CHEAP

PASSWORD: Final = "correct horse battery"
ANOTHER: Final = "staple of correct horses"
PAGE: Final = "http://127.0.0.1"
AWAY: Final = "203.0.113.9"
LOGIN: Final = "/api/v1/auth/login"
REFRESH: Final = "/api/v1/auth/refresh"
ME: Final = "/api/v1/auth/me"


class Heard:
    """Facts that were told."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, str, str]] = []
        self.details: list[str] = []

    def tell(self, act: Act, subject: str, detail: str, origin: Origin) -> None:
        if act not in {Act.FORBIDDEN, Act.UNAUTHENTICATED}:
            self.facts.append((act.value, subject, origin.actor))
            self.details.append(detail)

    def taken(self) -> list[tuple[str, str, str]]:
        """Act, subject and actor of what was told since the last look."""
        taken, self.facts = self.facts, []
        return taken


class Person:
    """Somebody, or a program, at the doors."""

    def __init__(self, http: httpx.AsyncClient, token: str = "", refresh: str = "") -> None:
        self.http = http
        self.token = token
        self.refresh = refresh

    async def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> httpx.Response:
        """A request in their name."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent.setdefault("authorization", f"Bearer {self.token}")
        if body is None:
            return await self.http.request(method, path, headers=sent)
        return await self.http.request(method, path, json=body, headers=sent)

    async def does(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        """The body of a request that succeeds."""
        answer = await self.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    async def refused(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Status and code of a request that is refused."""
        return outcome(await self.ask(method, path, body))


class LoginSite:
    """A running server with logins: an admin (root), a trader (ann), a client (cora) of client 1."""

    def __init__(
        self,
        front: Front,
        directory: Directory,
        clock: ManualClock,
        data: Path,
    ) -> None:
        self.front = front
        self.directory = directory
        self.clock = clock
        self.data = data
        self.heard = Heard()
        front.house.facts = self.heard
        self._clients: list[httpx.AsyncClient] = []

    @property
    def system(self) -> System:
        return self.front.house.open_system()

    def at(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client whose requests come from that address; it keeps no cookies of its own."""
        transport = httpx.ASGITransport(self.front, client=(address, 1))
        http = httpx.AsyncClient(transport=transport, base_url=PAGE)
        self._clients.append(http)
        return http

    def stranger(self, address: str = "127.0.0.1") -> Person:
        return Person(self.at(address))

    async def log_in(
        self, name: str, password: str = PASSWORD, address: str = "127.0.0.1", **more: object
    ) -> Person:
        """Somebody who has logged in."""
        http = self.at(address)
        answer = await http.post(LOGIN, json={"user": name, "password": password, **more})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        return Person(http, found["access_token"], found["refresh_token"] or "")

    async def key(self, *scopes: str, **more: object) -> Person:
        """A program with a key, made by root."""
        root = await self.log_in("root")
        body = {"name": f"key{len(self.directory.keys.list())}", "scopes": list(scopes), **more}
        made = await root.does("POST", "/api/v1/keys", body)
        return Person(self.at(), made["token"])

    async def close(self) -> None:
        for http in self._clients:
            await http.aclose()


def outcome(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


@asynccontextmanager
async def open_login_site(
    data: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> AsyncIterator[LoginSite]:
    """A server with logins over ``data`` until the end of the block."""
    opened: Callable[..., Access] = Access.open

    def cheap(folder: Path, keys: Any, _: object, random: Any, audit: Any, *__: object) -> Access:  # noqa: ANN401
        return opened(folder, keys, clock, random, audit, CHEAP)

    monkeypatch.setattr(Access, "open", staticmethod(cheap))
    system = build(Settings(data=data, open_localhost=False))
    front = create_app(system)
    try:
        await system.start()
        site = LoginSite(front, system.access.directory, clock, data)
        if not system.access.directory.users.list():
            await _furnish(site)
        yield site
        await site.close()
    finally:
        await system.stop()


async def _furnish(site: LoginSite) -> None:
    users = site.directory.users
    users.create("root", Duties(Role.ADMIN), Secret(PASSWORD))
    root = await site.log_in("root")
    answer = await root.ask("POST", "/api/v1/profiles", WORKED_EXAMPLE)
    assert answer.status_code == 200, answer.text
    users.create("ann", Duties(Role.TRADER), Secret(PASSWORD))
    users.create("cora", Duties(Role.CLIENT, (1,)), Secret(PASSWORD))
    site.heard.taken()
