"""Clients in the shape of the multi-client platform's doors: bare arrays, JSON numbers."""

import re
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw

from phalanx.api import examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.fields import name, not_negative
from phalanx.api.lists import PageQuery, page
from phalanx.api.problems import Problem
from phalanx.api.shapes import NewClient
from phalanx.domain.accounts import Account, Client, paper_account_id
from phalanx.domain.events import ClientPut
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import Fixed, Money, format_fixed, parse_fixed
from phalanx.domain.time import iso
from phalanx.engine.commands import PutReference
from phalanx.engine.idempotency import first_use
from phalanx.engine.state import State

PATH = "/api/v1/clients"
_new_client: Body[NewClient] = Body(NewClient)

Number = Annotated[Raw, Meta(extra_json_schema={"type": "number"})]
_ZERO = Raw(b"0")
_NUMBER = re.compile(r"[0-9]{1,16}", re.ASCII)


class ClientAnswer(msgspec.Struct, frozen=True):
    """A client with the cash of its primary account. ``total_pnl`` is 0 until there is a portfolio
    that keeps it exactly; ``motilal_client_id`` is null until that broker can be traded with;
    ``updated_at`` repeats ``created_at``, no later change is timed yet.
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


async def list_clients(call: Call) -> Answer:
    """All clients, oldest first, a page of them at a time."""
    query = call.query(PageQuery)
    state = call.desk.state
    found = list(state.clients.values())
    answer = await call.as_of(lambda _: [_shown(state, client) for client in page(found, query)])
    total = (b"x-total-count", b"%d" % len(found))
    return msgspec.structs.replace(answer, headers=(NO_STORE, total))


async def get_client(call: Call) -> Answer:
    """One client."""
    state = call.desk.state
    text = call.path("client_id")
    client = state.clients.get(int(text)) if _NUMBER.fullmatch(text) else None
    if client is None:
        raise Problem("NOT_FOUND", f"no client {text}")
    return await call.as_of(lambda _: _shown(state, client))


async def post_client(call: Call) -> Answer:
    """A new client with one primary paper account and its opening cash."""
    body = call.decode(_new_client)
    called = name(body.name, "name")
    funds = None if body.available_funds is UNSET else body.available_funds
    opening = call.system.settings.opening_cash
    cash = parse_fixed(opening) if funds is None else not_negative(funds, "available_funds")
    origin = call.origin(DoorName.CLIENTS, called, cash)
    state = call.desk.state
    if first_use(state, origin) is None and _is_taken(state, called):
        raise Problem("CLIENT_EXISTS", f"there is a client named {called!r} already", field="name")
    # Nothing is awaited between reading the next number and deciding: nobody else can take it.
    number = max(state.clients, default=0) + 1
    account = Account(paper_account_id(number, state.accounts), number)
    executed = await call.desk.execute(
        PutReference(
            origin,
            clients=(Client(number, called, created_at=call.desk.clock.now()),),
            accounts=(account,),
            cash=((account.book, cash, "opening cash"),) if cash else (),
        )
    )
    event = executed.events[0]
    assert isinstance(event, ClientPut), f"{type(event).__name__} is no client"
    zone = state.settings.zone_offset_s
    return answer_json(201, _answer(event.client, cash, 0, zone), executed)


def _is_taken(state: State, called: str) -> bool:
    return any(client.name == called for client in state.clients.values())


def _shown(state: State, client: Client) -> ClientAnswer:
    account = state.accounts.get(state.primary_accounts.get(client.id, ""))
    book = None if account is None else state.books[account.book]
    cash, holds = (0, 0) if book is None else (book.cash, book.holds)
    return _answer(client, cash, holds, state.settings.zone_offset_s)


def _answer(client: Client, cash: Money, holds: Money, zone: int) -> ClientAnswer:
    created = iso(client.created_at, zone)
    return ClientAnswer(
        client.id,
        client.name,
        None,
        number(cash),
        _ZERO,
        number(holds),
        number(cash - holds),
        client.active,
        created,
        created,
    )


def number(value: Fixed) -> Raw:
    """An exact JSON number."""
    return Raw(format_fixed(value).encode("ascii"))


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_clients,
        "All clients",
        list[ClientAnswer],
        tag="clients",
        about="A bare array; X-Total-Count says how many there are in all.",
        query=PageQuery,
    ),
    Door(
        "GET",
        f"{PATH}/{{client_id}}",
        get_client,
        "One client",
        ClientAnswer,
        tag="clients",
        problems=("NOT_FOUND",),
    ),
    Door(
        "POST",
        PATH,
        post_client,
        "A new client",
        ClientAnswer,
        201,
        tag="clients",
        about="With one primary paper account, named PAPER- and the client's number; where an "
        "account has that name already, -2 or the next free number is added.",
        body=NewClient,
        examples=examples.NEW_CLIENT,
        problems=("CLIENT_EXISTS", "NOT_POSITIVE"),
        keyed=True,
    ),
)
