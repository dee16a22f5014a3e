"""``WS /ws`` and ``WS /ws/{client}``: who may follow whom, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from phalanx.access.sessions import End
from phalanx.access.users import Duties
from phalanx.api.bodies import Message
from phalanx.domain.access import Role
from phalanx.domain.time import SECOND
from tests.api.access.conftest import PASSWORD, Books, Secured

pytestmark = pytest.mark.asyncio(loop_scope="module")


NO_SUCH_CLIENT = {"type": "websocket.close", "code": 4404, "reason": "UNKNOWN_CLIENT"}


class Peer:
    """The other end of a socket."""

    def __init__(self) -> None:
        self._coming: asyncio.Queue[Message] = asyncio.Queue()
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._coming.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> Message:
        return await self._coming.get()

    async def send(self, message: Message) -> None:
        self._sent.put_nowait(message)
        if message["type"] in {"websocket.close", "websocket.http.response.body"}:
            self.leave()
            self.leave()

    def leave(self) -> None:
        self._coming.put_nowait({"type": "websocket.disconnect", "code": 1000})

    async def next(self) -> Message:
        """What the server says next."""
        async with asyncio.timeout(10):
            return await self._sent.get()

    async def until(self, kind: str) -> Message:
        """What the server says next of that type."""
        while (message := await self.next())["type"] != kind:
            pass
        return message


@asynccontextmanager
async def connected(
    site: Secured, path: str, who: str = "", query: str = ""
) -> AsyncIterator[Peer]:
    """A socket at ``path``."""
    said = site.as_(who).get("authorization")
    headers = [(b"host", b"127.0.0.1")]
    headers += [(b"authorization", said.encode())] if said is not None else []
    scope = {
        "type": "websocket",
        "path": path,
        "query_string": query.encode(),
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "extensions": {"websocket.http.response": {}},
    }
    peer = Peer()
    serving = asyncio.ensure_future(site.app(scope, peer.receive, peer.send))
    try:
        yield peer
    finally:
        peer.leave()
        await serving


async def denied(site: Secured, path: str, who: str = "", query: str = "") -> tuple[int, str]:
    """Status and code of a handshake that is turned away."""
    async with connected(site, path, who, query) as peer:
        start, body = await peer.next(), await peer.next()
    return start["status"], msgspec.json.decode(body["body"])["code"]


async def followed(site: Secured, path: str, who: str = "", query: str = "") -> Message:
    """The first thing that is said after the socket was accepted."""
    async with connected(site, path, who, query) as peer:
        assert (await peer.next())["type"] == "websocket.accept"
        return await peer.next()


async def ticket(site: Secured, who: str) -> str:
    answer = await site.ask(who, "POST", "/api/v1/auth/ticket")
    assert answer.status_code == 200, answer.text
    return f"ticket={answer.json()['ticket']}"


@pytest.mark.parametrize("who", ["ann", "ann-looks", "key-of-anns", "key-of-trend", "key-of-infy"])
async def test_the_stream_of_everybody_is_not_for_those_who_see_a_part(
    books: Books, who: str
) -> None:
    assert await denied(books, "/ws", who) == (403, "FORBIDDEN")
    query = await ticket(books, who)
    assert await denied(books, "/ws", query=f"{query}&topics=orders") == (403, "FORBIDDEN")


async def test_the_stream_of_everybody_is_for_those_who_see_everybody(books: Books) -> None:
    first = await followed(books, "/ws", "viewer", "topics=orders")
    assert first["type"] == "websocket.send"
    assert await denied(books, "/ws", "key-trade") == (403, "FORBIDDEN")


@pytest.mark.parametrize("who", ["ann", "ann-looks"])
async def test_a_client_follows_itself_and_nobody_else(books: Books, who: str) -> None:
    first = msgspec.json.decode((await followed(books, "/ws/1", who))["text"])
    assert first["data"]["client"]["id"] == 1
    for client in ("2", "99", "0", "x"):
        assert await followed(books, f"/ws/{client}", who) == NO_SUCH_CLIENT


@pytest.mark.parametrize("who", ["key-of-anns", "key-of-trend", "key-of-infy"])
async def test_a_fenced_key_follows_no_client(books: Books, who: str) -> None:
    for client in ("1", "2", "99"):
        assert await followed(books, f"/ws/{client}", who) == NO_SUCH_CLIENT


async def test_a_ticket_is_good_once_and_for_its_owner(books: Books) -> None:
    query = await ticket(books, "ann")
    assert (await followed(books, "/ws/1", query=query))["type"] == "websocket.send"
    assert await denied(books, "/ws/1", query=query) == (401, "UNAUTHENTICATED")
    assert await followed(books, "/ws/1", query=await ticket(books, "bob")) == NO_SUCH_CLIENT
    assert await denied(books, "/ws/1", query="ticket=made-up") == (401, "UNAUTHENTICATED")
    assert await denied(books, "/ws/1") == (401, "UNAUTHENTICATED")


async def test_a_ticket_is_good_for_half_a_minute(books: Books) -> None:
    directory, tickets = books.system.access.directory, books.app.house.tickets
    principal = directory.principal_of(books.authorization["ann"].encode())
    long_ago = books.system.desk.clock.monotonic() - 30 * SECOND
    late = tickets.give(principal, long_ago).reveal()
    assert await denied(books, "/ws/1", query=f"ticket={late}") == (401, "UNAUTHENTICATED")


async def test_a_session_that_ends_ends_its_sockets(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books.app.sockets, "_sweep_s", 0.01)
    directory = books.system.access.directory
    books.authorization["ann again"] = books.login("ann")
    said = books.authorization["ann again"].encode()
    session = directory.principal_of(said).session
    async with connected(books, "/ws/1", "ann again") as peer:
        await peer.until("websocket.send")
        directory.sessions.end(session, End.LOGOUT)
        cut = await peer.until("websocket.close")
    assert (cut["code"], cut["reason"]) == (4401, "SESSION_ENDED")
    assert await denied(books, "/ws/1", "ann again") == (401, "SESSION_ENDED")


async def test_a_client_that_is_theirs_no_more_ends_the_socket(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books.app.sockets, "_sweep_s", 0.01)
    users = books.system.access.directory.users
    users.create("mover", Duties(Role.CLIENT, (1,)), PASSWORD)
    books.authorization["mover"] = books.login("mover")
    async with connected(books, "/ws/1", "mover") as peer:
        await peer.until("websocket.send")
        users.change_role("mover", Duties(Role.CLIENT, (2,)))
        cut = await peer.until("websocket.close")

    assert (cut["code"], cut["reason"]) == (4401, "SESSION_ENDED")
