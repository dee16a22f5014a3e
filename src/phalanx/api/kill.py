"""Kills: stop new risk, cancel what works, get out of it; see what is stopped, lift it again."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from phalanx.api import examples
from phalanx.api.confine import check_scope, has_scope
from phalanx.api.decoding import Body
from phalanx.api.deferred import deferred
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name, note
from phalanx.api.flatten import FlattenAnswer, KillPart, flattened, part_of
from phalanx.api.policy import READ, STOP, STOP_OWN
from phalanx.api.problems import Problem
from phalanx.api.shapes import KillLevelName, NewKill, Note
from phalanx.desk.desk import Executed
from phalanx.domain.events import Event, InstructionPlanned, KillLifted, KillPut
from phalanx.domain.instructions import CancelOpenRequest, Origin
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.kills import EVERYBODY, KillCancel, KillLevel, KillScope, scopes_over
from phalanx.domain.time import iso
from phalanx.engine.commands import LiftKill, PutKill
from phalanx.engine.state import State

PATH = "/api/v1/kill"
IN_FORCE_MAX = 20
"""So many of the kills that stand all the same are named."""
_LEVELS = tuple(KillLevel)
_new_kill: Body[NewKill] = Body(NewKill)


class KillAnswer(msgspec.Struct, frozen=True):
    """A kill: ``name`` null stands for everybody, ``account`` is the name of an account's. ``time`` is
    when it was put, or lifted.
    """

    account: str | None
    standing: bool
    note: str
    actor: str
    time: str | None
    level: str
    name: str | None


class CancelAnswer(KillPart, frozen=True, kw_only=True):
    """What was cancelled. ``left``: so many orders more than its record holds are cancelled right after
    it, by further instructions.
    """

    left: int = 0


class KillPutAnswer(KillAnswer, frozen=True, kw_only=True):
    """What a kill came to. Without ``block`` none stands by it, and ``time`` is null. ``cancel`` and
    ``flatten``: what that came to, where it was asked for. ``in_force``, without ``block``: the kills
    that stop new orders there all the same, as they stand at this answer, also at that of a repeat;
    the widest first, 20 of ``in_force_total``.
    """

    cancel: CancelAnswer | None = None
    flatten: FlattenAnswer | None = None
    in_force: list[KillAnswer] = []
    in_force_total: int = 0


class KillList(msgspec.Struct, frozen=True):
    """The standing kills."""

    items: list[KillAnswer]
    total: int
    as_of: int


class KillQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which kill to lift, by ``level`` and ``name`` or by ``account``; nothing: the one for everybody."""

    account: Annotated[str, Meta(description="an account's id")] | None = None
    note: Note = ""
    level: KillLevelName | None = None
    name: Annotated[str, Meta(description="whom the kill names")] | None = None


class _Asked(msgspec.Struct, frozen=True):
    """A body, read."""

    scope: KillScope
    note: str
    block: bool
    cancel: KillCancel
    flatten: bool


async def list_kills(call: Call) -> Answer:
    """What is stopped now."""
    state = call.desk.state

    def body(seq: int) -> KillList:
        items = [_standing(state, scope) for scope in _scopes(state)]
        return KillList(items, len(items), seq)

    return await call.as_of(body)


async def put_kill(call: Call) -> Answer:
    """Stop new risk, cancel what works, get out: each where it is asked for.

    A kill that stands already is answered as it stands, or with a key put again. The cancels are in
    the kill's own record. An exit follows once that is durable; it has a key of its own, made of the
    caller's: a repeat puts no second kill and no second exit, and finishes what an earlier try did
    not come to.
    """
    asked = _read(call.decode(_new_kill))
    state, scope = call.desk.state, asked.scope
    check_scope(scope, call.reach, state)
    origin = call.origin(DoorName.KILL, "put", asked)
    found = _unblocked(origin, asked)
    if asked.block and scope.key in state.kills:
        # As it stands when this is decided: by the time that is durable somebody may have lifted it.
        found = _standing(state, scope)
    command = PutKill(origin, scope, asked.note, asked.block, asked.cancel)
    executed = await call.desk.execute(command)
    events = _events(call, executed)
    if events and isinstance(events[0], KillPut):
        found = _answer(state, events[0], standing=True)
    cancel = _canceled(state, [one for one in events if isinstance(one, InstructionPlanned)])
    cancels = asked.cancel is not KillCancel.NOTHING
    exits = await flattened(call, origin, scope, cancels=cancels) if asked.flatten else None
    in_force = [] if asked.block else await _in_force(call, scope)
    answer = KillPutAnswer(
        *msgspec.structs.astuple(found),
        cancel=cancel,
        flatten=exits,
        in_force=in_force[:IN_FORCE_MAX],
        in_force_total=len(in_force),
    )
    return answer_json(200, answer, executed)


async def lift_kill(call: Call) -> Answer:
    """Allow new risk again."""
    query = call.query(KillQuery)
    scope = _scope(query.level, query.name, query.account)
    remark = note(query.note)
    origin = call.origin(DoorName.KILL, "lift", scope, remark)
    executed = await call.desk.execute(LiftKill(origin, scope, remark))
    asked = deferred(call, executed)
    if asked is not None:
        return asked
    event = executed.events[0]
    assert isinstance(event, KillLifted), f"{type(event).__name__} lifts no kill"
    return answer_json(200, _answer(call.desk.state, event, standing=False), executed)


def _read(body: NewKill) -> _Asked:
    """What a body asks for. Raises Problem ``INVALID_VALUE``, ``MISSING_FIELD``."""
    cancel = KillCancel.NOTHING
    if body.cancel == "all":
        cancel = KillCancel.ALL
    elif body.cancel is True:
        cancel = KillCancel.ENTRIES
    block, flatten = body.block is not False, body.flatten is True
    if not block and cancel is KillCancel.NOTHING and not flatten:
        raise Problem("INVALID_VALUE", "neither block, nor cancel, nor flatten", field="block")
    if cancel is KillCancel.ALL and flatten:
        detail = "exits under way cannot be canceled and left to close what is held, at once"
        raise Problem("INVALID_VALUE", detail, field="cancel")
    return _Asked(
        _scope(_given(body.level), _given(body.name), _given(body.account)),
        "" if body.note is UNSET else note(body.note),
        block,
        cancel,
        flatten,
    )


def _given(value: str | int | UnsetType) -> str | None:
    return None if value is UNSET else str(value)


def _scope(level: str | None, whom: str | None, account: str | None) -> KillScope:
    """Whom a caller means. An empty name is a mistake, most likely of a script, and never everybody.

    Raises Problem ``INVALID_VALUE``, ``MISSING_FIELD``, and as ``name`` does.
    """
    if account is not None:
        if whom is not None or level not in {None, KillLevel.ACCOUNT}:
            raise Problem(
                "INVALID_VALUE", "either an account, or a level and a name", field="account"
            )
        return KillScope(KillLevel.ACCOUNT, name(account, "account"))
    if level in {None, KillLevel.ALL}:
        if whom is not None:
            raise Problem("INVALID_VALUE", "a name needs the level that it is of", field="name")
        return EVERYBODY
    if whom is None:
        raise Problem("MISSING_FIELD", f"which {level}", field="name")
    return KillScope(KillLevel(level), name(whom, "name"))


def _events(call: Call, executed: Executed) -> Sequence[Event]:
    """The kill and its cancels, also of a repeat."""
    first, *_ = executed.events or (None,)
    match first:
        case KillPut():
            return call.desk.read_back(executed, 1 + first.cancels)
        case InstructionPlanned(request=CancelOpenRequest()):
            return call.desk.read_back(executed, 1)
        case _:
            return ()


def _canceled(state: State, events: Sequence[InstructionPlanned]) -> CancelAnswer | None:
    if not events:
        return None
    request = events[0].request
    assert isinstance(request, CancelOpenRequest), "a kill's cancels"
    found = part_of(events[0], state)
    return CancelAnswer(*msgspec.structs.astuple(found), left=request.left)


def _scopes(state: State) -> list[KillScope]:
    return [kill.scope for kill in state.kills.values()]


async def _in_force(call: Call, scope: KillScope) -> list[KillAnswer]:
    """The kills that stop new orders in a scope now, once they are durable: those within the caller's reach."""
    state, reach = call.desk.state, call.reach
    seq = state.seq
    found = [
        _standing(state, one) for one in _stopping(state, scope) if has_scope(one, reach, state)
    ]
    await call.desk.durable(seq)
    return found


def _stopping(state: State, scope: KillScope) -> list[KillScope]:
    """The standing kills that stop some or all new orders in a scope, the widest first. What a strategy
    buys may be for anybody.
    """
    kills = sorted(_scopes(state), key=lambda one: _LEVELS.index(one.level))
    if not kills or scope.level is KillLevel.ALL:
        return kills
    if scope.level is KillLevel.STRATEGY:
        return [one for one in kills if one.level is not KillLevel.STRATEGY or one == scope]
    inside = [one for one in state.accounts.values() if scope.covers(one, None)]
    near = {over.key for account in inside for over in scopes_over(account, None)}
    return [one for one in kills if one.level is KillLevel.STRATEGY or one.key in near]


def _unblocked(origin: Origin, asked: _Asked) -> KillAnswer:
    return _kill(asked.scope, asked.note, origin.actor, None, standing=False)


def _answer(state: State, event: KillPut | KillLifted, *, standing: bool) -> KillAnswer:
    time = iso(event.time, state.settings.zone_offset_s)
    return _kill(event.whom, event.note, event.origin.actor, time, standing=standing)


def _standing(state: State, scope: KillScope) -> KillAnswer:
    kill = state.kills[scope.key]
    time = iso(kill.time, state.settings.zone_offset_s)
    return _kill(scope, kill.note, kill.origin.actor, time, standing=True)


def _kill(
    scope: KillScope, remark: str, actor: str, time: str | None, *, standing: bool
) -> KillAnswer:
    account = scope.name if scope.level is KillLevel.ACCOUNT else None
    return KillAnswer(account, standing, remark, actor, time, scope.level.value, scope.name or None)


_UNKNOWN = ("UNKNOWN_BROKER", "UNKNOWN_STRATEGY", "UNKNOWN_CLIENT", "UNKNOWN_ACCOUNT")

doors: tuple[Door, ...] = (
    Door("GET", PATH, list_kills, "Standing kills", KillList, policy=READ, tag="kill"),
    Door(
        "PUT",
        PATH,
        put_kill,
        "Stop new risk",
        KillPutAnswer,
        policy=STOP_OWN,
        tag="kill",
        about="Three choices, in any combination, for everybody or for one broker, strategy, client or "
        "account. `block` (the default) refuses every order that is not reduce-only until the "
        "kill is lifted; cancels and sells of what is held still pass. `cancel` calls back what "
        "works or waits there, in the kill's own record: entries, and with `all` also exits under"
        " way; what is more than 5,000 orders (`left`) follows right after it, in further "
        "instructions. `flatten` sells what was bought today, and buys back what is short, in an "
        "instruction of its own, or in several where one cannot hold so many orders, and of a "
        "strategy one for each of its trades; holdings of before stay. Without `cancel` it leaves "
        "alone what works: a buy may still fill, and what is being sold already is not sold again. "
        "With it resting sells are called back and sold anew, and what a cancelled buy still fills"
        " is sold too. An account that keeps a position all the same is named in `unclosed` with why. "
        "Without a body: a block for everybody. Instructions that are held stay: "
        "what they would buy is refused when their time comes. A repeat under the same "
        "Idempotency-Key does nothing a second time.",
        body=NewKill,
        body_optional=True,
        examples=examples.KILL,
        problems=_UNKNOWN,
        keyed=True,
        unlimited=True,
    ),
    Door(
        "DELETE",
        PATH,
        lift_kill,
        "Lift a kill",
        KillAnswer,
        policy=STOP,
        tag="kill",
        query=KillQuery,
        problems=("NO_SUCH_KILL",),
        keyed=True,
        loosens=True,
    ),
)
