"""Kills: stop new risk for everybody or for one account, see what is stopped, lift it again."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta

from phalanx.api import examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name, note
from phalanx.api.outcomes import REJECTED, Counts, instruction_answer
from phalanx.api.shapes import NewKill, Note
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import InstructionPlanned, KillLifted, KillPut
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instructions import ExitRequest, ExitScope, Origin, Selection
from phalanx.domain.time import iso
from phalanx.engine.commands import LiftKill, PutKill, Submit
from phalanx.engine.idempotency import first_use
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

PATH = "/api/v1/kill"
FLATTEN = "flatten"
"""The note of the exit that goes with a kill."""
FLATTEN_KEY = " flatten"
"""What is appended to a kill's idempotency key for that exit. No caller's key has a blank in it."""
_new_kill: Body[NewKill] = Body(NewKill)


class KillAnswer(msgspec.Struct, frozen=True):
    """A kill: ``account`` null stands for everybody. ``time`` is when it was put, or lifted."""

    account: str | None
    standing: bool
    note: str
    actor: str
    time: str


class FlattenAnswer(msgspec.Struct, frozen=True):
    """The exit that went with a kill. When even the exit was refused, ``instruction_id`` is null and
    ``reason`` says why: the kill stands all the same.
    """

    instruction_id: str | None
    status: str
    reason: str | None
    message: str | None
    counts: Counts


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
    """Stop new risk. A kill that stands already is answered as it stands.

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
    exit_origin = _exit_origin(origin)
    # Refused before anything is put. A kill that stood already used no key; its exit did.
    first_use(state, exit_origin)
    executed = await call.desk.execute(PutKill(origin, account, remark))
    found = _standing(state, account) if not executed.events else None
    for event in executed.events:
        assert isinstance(event, KillPut), f"{type(event).__name__} is no kill"
        found = _answer(state, event, standing=True)
    assert found is not None, "put, or there already"
    exit_answer = await _flatten(call, exit_origin, account) if flatten else None
    answer = KillPutAnswer(*msgspec.structs.astuple(found), flatten=exit_answer)
    return answer_json(200, answer, executed)


def _exit_origin(origin: Origin) -> Origin:
    key = origin.idempotency_key
    return msgspec.structs.replace(origin, idempotency_key=f"{key}{FLATTEN_KEY}" if key else "")


async def _flatten(call: Call, origin: Origin, account: AccountId) -> FlattenAnswer:
    selection = Selection(accounts=(account,) if account else ())
    request = ExitRequest(scope=ExitScope.POSITIONS, selection=selection)
    try:
        executed = await call.desk.execute(Submit(origin, request, FLATTEN, received=call.received))
    except Refused as refused:
        return FlattenAnswer(None, REJECTED, refused.code, refused.detail, Counts(0, 0, 0))
    event = executed.events[0]
    assert isinstance(event, InstructionPlanned), f"{type(event).__name__} plans nothing"
    found = instruction_answer(event, call.desk.state)
    return FlattenAnswer(
        found.instruction_id, found.status, found.reason, found.message, found.counts
    )


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
        "instruction of its own; holdings of before stay. A repeat under the same Idempotency-Key "
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
