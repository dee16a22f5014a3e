"""Raw details ``{"USERS", "STRATEGIES", "INSTRUMENTS"}``: the names that a desk is made of."""

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from phalanx.api import reference_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.fields import name
from phalanx.api.naming import plain_name
from phalanx.api.policy import MANAGE, READ
from phalanx.api.problems import Problem
from phalanx.api.shapes import Name
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import parse_fixed
from phalanx.domain.profiles import INSTRUMENTS_MAX, STRATEGIES_MAX, USERS_MAX
from phalanx.engine.commands import ImportRawDetails

PATH = "/api/v1/raw-details"
BODY_MAX = 4 * 1024 * 1024


class RawDetails(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="upper"):
    """Names of users, of strategies, and of the instruments that all the strategies trade."""

    users: Annotated[list[Name], Meta(max_length=USERS_MAX)]
    strategies: Annotated[list[Name], Meta(max_length=STRATEGIES_MAX)]
    instruments: Annotated[list[Name], Meta(max_length=INSTRUMENTS_MAX)]


_details: Body[RawDetails] = Body(RawDetails)
_encode = msgspec.json.Encoder().encode


class RawDetailsReport(msgspec.Struct, frozen=True):
    """How many names the file has of each, whatever of it was there before."""

    users: int
    strategies: int
    instruments: int


async def get_raw_details(call: Call) -> Answer:
    """The clients, the strategies, and every instrument that a strategy trades."""
    desk = call.desk
    state = desk.state
    seq = state.seq
    traded = dict.fromkeys(
        key for strategy in state.strategies.values() for key in strategy.instruments
    )
    details = RawDetails(
        [client.name for client in state.clients.values()],
        list(state.strategies),
        [plain_name(desk, key) for key in traded],
    )
    content = msgspec.json.format(_encode(details), indent=2)
    await desk.durable(seq)
    return Answer(200, content, (NO_STORE,))


async def import_raw_details(call: Call) -> Answer:
    """Upsert users with a paper account each, and strategies that trade all the instruments."""
    details = await asyncio.to_thread(_read, call)
    origin = call.origin(DoorName.IMPORT, "raw details", msgspec.structs.astuple(details))
    cash = parse_fixed(call.system.settings.opening_cash)
    names = (tuple(details.users), tuple(details.strategies), tuple(details.instruments))
    executed = await call.desk.execute(ImportRawDetails(origin, *names, cash))
    return answer_json(200, RawDetailsReport(*map(len, names)), executed)


def _read(call: Call) -> RawDetails:
    """Raises Problem with the place of a name that is none, or that is there twice."""
    details = call.decode(_details)
    for what, names in msgspec.to_builtins(details).items():
        seen: set[str] = set()
        for place, one in enumerate(names):
            field = f"{what}[{place}]"
            if name(one, field) in seen:
                raise Problem("DUPLICATE_NAME", f"{one!r} stands here already", field=field)
            seen.add(one)
    return details


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        get_raw_details,
        "Export raw details",
        RawDetails,
        policy=READ,
        tag="profiles",
        about="Users, strategies and instruments, as POST takes them.",
    ),
    Door(
        "POST",
        PATH,
        import_raw_details,
        "Import raw details",
        RawDetailsReport,
        policy=MANAGE,
        tag="profiles",
        about="A new user gets a paper account with the opening cash and instant fills. Every "
        "strategy of the file trades every instrument of the file, besides those it has; a name "
        "that no master knows becomes a paper instrument. Nobody subscribes: profiles say who does. "
        "Importing the same file again changes nothing.",
        body=RawDetails,
        body_max=BODY_MAX,
        examples=examples.RAW_DETAILS,
        problems=("DUPLICATE_NAME", "AMBIGUOUS_TOKEN", "EMPTY_TEXT", "TEXT_TOO_LONG"),
        keyed=True,
    ),
)
