"""A server where people log in: two clients with books of their own, and a login or key of every kind."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest_asyncio

from phalanx.access.directory import AccessRules
from phalanx.access.login import Attempt
from phalanx.access.machine_keys import NewKey
from phalanx.access.passwords import PasswordCost
from phalanx.access.sessions import End
from phalanx.access.users import Duties
from phalanx.api import create_app
from phalanx.api.front import Front
from phalanx.bootstrap import System
from phalanx.config import Settings
from phalanx.domain.access import NO_FENCE, Fence, Permission, Role
from phalanx.domain.secrets import Secret
from phalanx.domain.time import HOUR
from tests.api.conftest import Site

CHEAP: Final = AccessRules(cost=PasswordCost(passes=1, memory_kib=8, lanes=1))
"""Passwords that are checked at next to no cost."""
PASSWORD: Final = Secret("correct horse battery staple")
P: Final = Permission

ANNS: Final = "PAPER-1"
BOBS: Final = "PAPER-2"
BOTH: Final = {
    "Ann Archer": {"TREND": ["GRASIM", "INFY"]},
    "Bob Butcher": {"SWING": ["ACC", "TCS"]},
}
"""Ann is client 1 and Bob is client 2."""

USERS: Final[Mapping[str, Duties]] = {
    "admin": Duties(Role.ADMIN),
    "trader": Duties(Role.TRADER),
    "viewer": Duties(Role.VIEWER),
    "ann-looks": Duties(Role.CLIENT, (1,)),
    "ann": Duties(Role.CLIENT, (1,), may_trade=True),
    "bob": Duties(Role.CLIENT, (2,), may_trade=True),
}
KEYS: Final[Mapping[str, tuple[frozenset[Permission], Fence]]] = {
    **{f"key-{one}": (frozenset({one}), NO_FENCE) for one in (P.READ, P.TRADE, P.STOP)},
    **{f"key-{one}": (frozenset({one}), NO_FENCE) for one in (P.MANAGE, P.METRICS)},
    "key-all": (frozenset(P) - {P.ADMIN, P.APPROVE}, NO_FENCE),
    "key-of-anns": (
        frozenset({P.READ, P.TRADE, P.STOP, P.MANAGE}),
        Fence(accounts=frozenset({ANNS})),
    ),
    "key-of-trend": (frozenset({P.READ, P.TRADE, P.STOP}), Fence(strategies=frozenset({"TREND"}))),
    "key-of-infy": (
        frozenset({P.READ, P.TRADE, P.STOP}),
        Fence(instruments=frozenset({"NSE:1594"})),
    ),
}
LIMITED: Final = ("ann-looks", "ann", "bob", "key-of-anns", "key-of-trend", "key-of-infy")
"""Those who see a part of the book only."""
OVER: Final = ("nobody", "ended", "revoked", "made up")
"""Those who are nobody, or no longer somebody."""


class Secured(Site):
    """A server that asks who somebody is. ``authorization``: what each of them says of themselves."""

    def __init__(self, system: System, http: httpx.AsyncClient, app: Front) -> None:
        super().__init__(system, http)
        self.app = app
        self.authorization: dict[str, str] = {}

    def as_(self, who: str) -> dict[str, str]:
        """The headers that say who asks."""
        said = self.authorization.get(who)
        return {} if said is None else {"authorization": said}

    async def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: object = None,
        **more: Any,  # noqa: ANN401  what httpx takes
    ) -> httpx.Response:
        """What somebody is answered."""
        headers = {**self.as_(who), **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        return await self.http.request(method, path, headers=headers, **more)

    async def told(self, who: str, path: str, **query: str | int) -> Any:  # noqa: ANN401  JSON
        """The body of a GET that succeeds."""
        answer = await self.ask(who, "GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def placed(self, who: str, **body: object) -> Any:  # noqa: ANN401  JSON
        """An instruction that is taken."""
        answer = await self.ask(who, "POST", "/api/v1/instructions", body)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def enrol(self) -> None:
        """Make everybody's login or key."""
        directory = self.system.access.directory
        for name, duties in USERS.items():
            directory.users.create(name, duties, PASSWORD)
            self.authorization[name] = self.login(name)
        until = directory.now() + HOUR
        for name, (scopes, fence) in KEYS.items():
            issued = directory.keys.create(NewKey(name, scopes, until, fence), by="admin")
            self.authorization[name] = f"Bearer {issued.token.reveal()}"
        issued = directory.keys.create(NewKey("revoked", frozenset({P.READ}), until), by="admin")
        directory.keys.revoke(issued.key.id)
        self.authorization["revoked"] = f"Bearer {issued.token.reveal()}"
        self.authorization["ended"] = self.login("viewer")
        newest = max(directory.sessions.list(), key=lambda one: one.created_at)
        directory.sessions.end(newest.id, End.LOGOUT)
        self.authorization["made up"] = "Bearer phx_" + 40 * "0"

    def login(self, name: str) -> str:
        """Another session of a user."""
        tokens = self.system.access.directory.login(Attempt(name, PASSWORD))
        return f"Bearer {tokens.access.reveal()}"


@asynccontextmanager
async def open_secured(data: Path, **settings: Any) -> AsyncIterator[Secured]:  # noqa: ANN401
    """A server over ``data`` that knows everybody of `USERS` and `KEYS`, until the end of the block."""
    system = System(
        Settings(data=data, open_localhost=False, rate_failures_per_address="", **settings)
    )
    system.access_rules = CHEAP
    system.open_access()
    app = create_app(system)
    try:
        await system.start()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            site = Secured(system, http, app)
            site.enrol()
            yield site
    finally:
        await system.stop()


class Books(Secured):
    """With what Ann and Bob have: ``ids`` by owner and kind; ``shared`` is an instruction for both."""

    ids: dict[str, dict[str, str]]
    shared: str


async def fill_books(site: Secured) -> Books:
    """Both get a trade by a signal, an order that rests, one that a trader gave both, and a held one."""
    answer = await site.ask("admin", "POST", "/api/v1/profiles", BOTH)
    assert answer.status_code == 200, answer.text
    books = Books(site.system, site.http, site.app)
    books.authorization = site.authorization
    books.ids = {}
    owners = (("ann", 1, "TREND", "GRASIM", ANNS), ("bob", 2, "SWING", "ACC", BOBS))
    for who, client, strategy, instrument, account in owners:
        signal = {"STRATEGY": strategy, "INSTRUMENT": instrument, "POSITION": "BUY"}
        fired = (await site.ask("key-all", "POST", "/create_order", signal)).json()
        assert fired["RESPONSE"] == "ACCEPTED", fired
        resting = await site.placed(who, **resting_buy(client))
        order = resting["outcomes"][0]["order_id"]
        books.ids[who] = {
            "client": str(client),
            "account": account,
            "strategy": strategy,
            "trade": fired["outcomes"][0]["order_id"],
            "signal": fired["instruction_id"],
            "order": order,
            "instruction": resting["instruction_id"],
        }
    rows = [
        {"client": client, "instrument": "TCS", "side": "BUY", "quantity": 10 + client}
        for client in (1, 2)
    ]
    shared = await site.placed("trader", kind="batch", rows=rows, note="for Bob Butcher and Ann")
    books.shared = shared["instruction_id"]
    await books.until(lambda: _are_filled(books))
    return books


def resting_buy(client: int) -> dict[str, object]:
    """An order far below the market."""
    return {
        "kind": "order",
        "client": client,
        "instrument": "INFY",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": 3,
        "price": "1390",
    }


async def _are_filled(books: Books) -> bool:
    trades = await books.told("admin", "/api/v1/trades", status="ACTIVE")
    return len(trades) == 4


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def secured(tmp_path_factory: Any) -> AsyncIterator[Secured]:  # noqa: ANN401
    """One for all tests of a module, which change nothing."""
    async with open_secured(tmp_path_factory.mktemp("secured") / "data") as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def books(tmp_path_factory: Any) -> AsyncIterator[Books]:  # noqa: ANN401
    """One for all tests of a module."""
    async with open_secured(tmp_path_factory.mktemp("books") / "data") as site:
        yield await fill_books(site)
