"""Clients in the shape of the multi-client platform's doors: bare arrays, JSON numbers."""

import re

import msgspec
from msgspec import UNSET

from phalanx.api import examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.fields import name, not_negative
from phalanx.api.lists import PageQuery, page
from phalanx.api.platform.money import NOTHING, ClientPnl, pnl_of_clients
from phalanx.api.platform.shapes import Number, number
from phalanx.api.policy import MANAGE, READ_OWN
from phalanx.api.problems import Problem
from phalanx.api.reach import EVERYTHING, Reach
from phalanx.api.reading import read_views
from phalanx.api.shapes import NewClient
from phalanx.api.tables import FormatName, csv_as_of, struct_rows
from phalanx.domain.accounts import Account, Client, paper_account_id
from phalanx.domain.events import ClientPut
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import Money, parse_fixed
from phalanx.domain.time import iso
from phalanx.engine.commands import PutReference
from phalanx.engine.state import State

PATH = "/api/v1/clients"
_new_client: Body[NewClient] = Body(NewClient)

_NUMBER = re.compile(r"[0-9]{1,16}", re.ASCII)


class ClientAnswer(msgspec.Struct, frozen=True):
    """A client with the cash of its primary account. ``total_pnl``: what its trades realised, after
    charges, and gain at the last prices, over all its accounts in that one's mode.
    ``margin_used`` is what working orders set aside, at full value: what is bought is paid for, and
    gone from ``available_funds``. ``motilal_client_id`` is null until that broker can be traded with.
    """

    id: int
    name: str
    motilal_client_id: str | None
    available_funds: Number
    total_pnl: Number
    margin_used: Number
    margin_available: Number
    is_active: bool
    created_at: str
    updated_at: str


class ClientQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """A page of the clients, and how it is written."""

    format: FormatName = "json"


async def list_clients(call: Call) -> Answer:
    """All clients, oldest first, a page of them at a time."""
    query = call.query(ClientQuery)
    state, reach = call.desk.state, call.reach
    found = list(state.clients.values())
    if reach is not EVERYTHING:
        found = [client for client in found if reach.has_whole_client(client.id, state)]
    asked = page(found, query)
    ids = [client.id for client in asked]
    pnl = await read_views(call, lambda views: pnl_of_clients(views, call.desk, ids))
    shown = (client_answer(state, client, pnl.get(client.id, NOTHING)) for client in asked)
    if query.format == "csv":
        columns = ClientAnswer.__struct_fields__
        return await csv_as_of(call, "clients", columns, struct_rows(columns, shown), len(found))
    answer = await call.as_of(lambda _: list(shown))
    total = (b"x-total-count", b"%d" % len(found))
    return msgspec.structs.replace(answer, headers=(NO_STORE, total))


async def get_client(call: Call) -> Answer:
    """One client."""
    state = call.desk.state
    client = find_client(state, call.reach, call.path("client_id"))
    pnl = await read_views(call, lambda views: pnl_of_clients(views, call.desk, (client.id,)))
    return await call.as_of(lambda _: client_answer(state, client, pnl.get(client.id, NOTHING)))


def find_client(state: State, reach: Reach, text: str) -> Client:
    """The client that a path names, all of whom is within reach. Raises Problem ``NOT_FOUND``."""
    client = state.clients.get(int(text)) if _NUMBER.fullmatch(text) else None
    if client is None or not reach.has_whole_client(client.id, state):
        raise Problem("NOT_FOUND", f"no client {text}")
    return client


async def post_client(call: Call) -> Answer:
    """A new client with one primary paper account and its opening cash."""
    body = call.decode(_new_client)
    called = name(body.name, "name")
    funds = None if body.available_funds is UNSET else body.available_funds
    opening = call.system.settings.opening_cash
    cash = parse_fixed(opening) if funds is None else not_negative(funds, "available_funds")
    origin = call.origin(DoorName.CLIENTS, called, cash)
    state = call.desk.state
    if not call.is_repeat(origin) and _is_taken(state, called):
        raise Problem("CLIENT_EXISTS", f"there is a client named {called!r} already", field="name")
    # Nothing is awaited between reading the next id and deciding: nobody else can take it.
    client_id = max(state.clients, default=0) + 1
    account = Account(paper_account_id(client_id, state.accounts), client_id)
    executed = await call.desk.execute(
        PutReference(
            origin,
            clients=(Client(client_id, called, created_at=call.desk.clock.now()),),
            accounts=(account,),
            cash=((account.book, cash, "opening cash"),) if cash else (),
        )
    )
    event = executed.events[0]
    assert isinstance(event, ClientPut), f"{type(event).__name__} is no client"
    zone = state.settings.zone_offset_s
    return answer_json(
        201, _answer(event.client, cash, 0, ClientPnl(updated_at_ns=event.time), zone), executed
    )


def _is_taken(state: State, called: str) -> bool:
    return any(client.name == called for client in state.clients.values())


def client_answer(state: State, client: Client, pnl: ClientPnl) -> ClientAnswer:
    """A client as it is now."""
    account = state.accounts.get(state.primary_accounts.get(client.id, ""))
    book = None if account is None else state.books[account.book]
    cash, holds = (0, 0) if book is None else (book.cash, book.holds)
    return _answer(client, cash, holds, pnl, state.settings.zone_offset_s)


def _answer(client: Client, cash: Money, holds: Money, pnl: ClientPnl, zone: int) -> ClientAnswer:
    return ClientAnswer(
        client.id,
        client.name,
        None,
        number(cash),
        number(pnl.total),
        number(holds),
        number(cash - holds),
        client.active,
        iso(client.created_at, zone),
        iso(max(client.created_at, pnl.updated_at_ns), zone),
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_clients,
        "All clients",
        list[ClientAnswer],
        policy=READ_OWN,
        tag="clients",
        about="A bare array; X-Total-Count says how many there are in all.",
        query=ClientQuery,
        problems=("VIEWS_UNAVAILABLE",),
    ),
    Door(
        "GET",
        f"{PATH}/{{client_id}}",
        get_client,
        "One client",
        ClientAnswer,
        policy=READ_OWN,
        tag="clients",
        problems=("NOT_FOUND", "VIEWS_UNAVAILABLE"),
    ),
    Door(
        "POST",
        PATH,
        post_client,
        "A new client",
        ClientAnswer,
        201,
        policy=MANAGE,
        tag="clients",
        about="With one primary paper account, named PAPER- and the client's number; where an "
        "account has that name already, -2 or the next free number is added.",
        body=NewClient,
        examples=examples.NEW_CLIENT,
        problems=("CLIENT_EXISTS", "NOT_POSITIVE"),
        keyed=True,
    ),
)
