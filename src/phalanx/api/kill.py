"""Kills: stop new risk for everybody or for one account, see what is stopped, lift it again."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta

from phalanx.api import examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name, note
from phalanx.api.flatten import FlattenAnswer, flattened
from phalanx.api.shapes import NewKill, Note
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import KillLifted, KillPut
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.time import iso
from phalanx.engine.commands import LiftKill, PutKill
from phalanx.engine.state import State

PATH = "/api/v1/kill"
_new_kill: Body[NewKill] = Body(NewKill)


class KillAnswer(msgspec.Struct, frozen=True):
    """A kill: ``account`` null stands for everybody. ``time`` is when it was put, or lifted."""

    account: str | None
    standing: bool
    note: str
    actor: str
    time: str


class KillPutAnswer(KillAnswer, frozen=True, kw_only=True):
    """A kill that was put, with the exit where that was asked for."""

    flatten: FlattenAnswer | None = None


class KillList(msgspec.Struct, frozen=True):
    """The standing kills."""

    items: list[KillAnswer]
    total: int
    as_of: int


class KillQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which kill to lift; no ``account``: the one for everybody."""

    account: Annotated[str, Meta(description="an account's id")] | None = None
    note: Note = ""


async def list_kills(call: Call) -> Answer:
    """What is stopped now."""
    state = call.desk.state

    def body(seq: int) -> KillList:
        items = [_standing(state, account) for account in state.kills]
        return KillList(items, len(items), seq)

    return await call.as_of(body)


async def put_kill(call: Call) -> Answer:
    """Stop new risk. A kill that stands already is answered as it stands, or with a key put again.

    With ``flatten`` an exit of today's positions follows once the kill is durable. It has a key of
    its own, made of the caller's: a repeat puts no second kill and no second exit, and finishes
    what an earlier try did not come to.
    """
    body = call.decode(_new_kill)
    account = "" if body.account is UNSET else name(body.account, "account")
    remark = "" if body.note is UNSET else note(body.note)
    flatten = body.flatten is True
    state = call.desk.state
    origin = call.origin(DoorName.KILL, "put", account, remark, flatten)
    # As it stands when this is decided: by the time that is durable somebody may have lifted it.
    found = _standing(state, account) if account in state.kills else None
    executed = await call.desk.execute(PutKill(origin, account, remark))
    for event in executed.events:
        assert isinstance(event, KillPut), f"{type(event).__name__} is no kill"
        found = _answer(state, event, standing=True)
    assert found is not None, "put, or there already"
    exit_answer = await flattened(call, origin, account) if flatten else None
    answer = KillPutAnswer(*msgspec.structs.astuple(found), flatten=exit_answer)
    return answer_json(200, answer, executed)


async def lift_kill(call: Call) -> Answer:
    """Allow new risk again."""
    query = call.query(KillQuery)
    # An empty name is a mistake, most likely of a script, and never means everybody.
    account = "" if query.account is None else name(query.account, "account")
    remark = note(query.note)
    origin = call.origin(DoorName.KILL, "lift", account, remark)
    executed = await call.desk.execute(LiftKill(origin, account, remark))
    event = executed.events[0]
    assert isinstance(event, KillLifted), f"{type(event).__name__} lifts no kill"
    return answer_json(200, _answer(call.desk.state, event, standing=False), executed)


def _answer(state: State, event: KillPut | KillLifted, *, standing: bool) -> KillAnswer:
    time = iso(event.time, state.settings.zone_offset_s)
    return KillAnswer(event.account or None, standing, event.note, event.origin.actor, time)


def _standing(state: State, account: AccountId) -> KillAnswer:
    kill = state.kills[account]
    time = iso(kill.time, state.settings.zone_offset_s)
    return KillAnswer(account or None, True, kill.note, kill.origin.actor, time)  # noqa: FBT003


doors: tuple[Door, ...] = (
    Door("GET", PATH, list_kills, "Standing kills", KillList, tag="kill"),
    Door(
        "PUT",
        PATH,
        put_kill,
        "Stop new risk",
        KillPutAnswer,
        tag="kill",
        about="Refuses every order that is not reduce-only, for everybody or for one account. "
        "Cancels and sells of what is held still pass. Without a body: for everybody. With "
        "`flatten` everything that was bought today is sold, and what works is cancelled, as an "
        "instruction of its own, or as several where one cannot hold so many orders; holdings of "
        "before stay. A repeat under the same Idempotency-Key "
        "puts neither a second time.",
        body=NewKill,
        body_optional=True,
        examples=examples.KILL,
        problems=("UNKNOWN_ACCOUNT",),
        keyed=True,
    ),
    Door(
        "DELETE",
        PATH,
        lift_kill,
        "Lift a kill",
        KillAnswer,
        tag="kill",
        query=KillQuery,
        problems=("NO_SUCH_KILL",),
        keyed=True,
    ),
)
