"""Instructions that were given: the list, and one of them with everything that came of it."""

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import msgspec

from phalanx.api import instruction_examples
from phalanx.api.exchange import NO_STORE, Answer, Call, Door
from phalanx.api.history import (
    InstructionAnswer,
    OrderDetail,
    RequestAnswer,
    SkipAnswer,
    instruction_answer,
    order_detail,
    request_answer,
    skip_answer,
)
from phalanx.api.lists import Skip, ViewLimit
from phalanx.api.policy import READ_OWN
from phalanx.api.problems import Problem
from phalanx.api.reading import Zone, gently, read_views
from phalanx.api.redaction import Told, redacted
from phalanx.domain.instructions import InstructionStatus, WaitsFor
from phalanx.domain.latency import HopLatency
from phalanx.views.queries import Views
from phalanx.views.rows import InstructionTree

PATH = "/api/v1/instructions"
_encode = msgspec.json.Encoder().encode

StatusName: TypeAlias = Literal["HELD", "WORKING", "DONE", "EXPIRED", "CANCELED", "REJECTED"]
WaitsForName: TypeAlias = Literal["time", "approval"]
KindName: TypeAlias = Literal["signal", "order", "priority_buy", "batch", "exit", "cancel"]


class InstructionQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which instructions."""

    status: StatusName | None = None
    kind: KindName | None = None
    waits_for: WaitsForName | None = None
    skip: Skip = 0
    limit: ViewLimit = 100


class InstructionList(msgspec.Struct, frozen=True):
    """Instructions, newest first."""

    items: list[InstructionAnswer]
    total: int
    as_of: int


class InstructionDetail(InstructionAnswer, frozen=True, kw_only=True):
    """An instruction with its orders, their fills and hops, its skips and its cancels. ``tat_ns`` is
    the greatest turnaround of its orders; ``latencies`` say what each hop took, over all orders that
    have it.
    """

    orders: list[OrderDetail]
    skips: list[SkipAnswer]
    cancels: list[RequestAnswer]
    tat_ns: int
    latencies: list[HopLatency]
    as_of: int


async def list_instructions(call: Call) -> Answer:
    """Instructions, newest first."""
    query, within = call.query(InstructionQuery), call.within
    zone, shown = Zone(call), _shower(call)

    def work(views: Views) -> bytes:
        found = views.instructions(
            status=None if query.status is None else InstructionStatus[query.status],
            kind=query.kind,
            waits_for=None if query.waits_for is None else WaitsFor(query.waits_for),
            skip=query.skip,
            limit=query.limit,
            within=within,
        )
        items = [shown(instruction_answer(row, zone)) for row in gently(found.items)]
        return _encode(InstructionList(items, found.total, found.as_of))

    return Answer(200, await read_views(call, work), (NO_STORE,))


async def get_instruction(call: Call) -> Answer:
    """One instruction with the whole tree below it."""
    instruction_id = call.path("instruction_id")
    zone, within, shown = Zone(call), call.within, _shower(call)

    def work(views: Views) -> bytes | None:
        tree = views.instruction(instruction_id, within)
        return None if tree is None else _encode(shown(_detail(tree, zone)))

    content = await read_views(call, work)
    if content is None:
        raise Problem("UNKNOWN_INSTRUCTION", f"no instruction {instruction_id}")
    return Answer(200, content, (NO_STORE,))


def _shower(call: Call) -> Callable[[Told], Told]:
    """What of an instruction the caller is told."""
    if call.principal.sees_all:
        return lambda told: told
    return partial(redacted, reach=call.reach, state=call.desk.state, actor=call.principal.actor)


def _detail(tree: InstructionTree, zone: Zone) -> InstructionDetail:
    return InstructionDetail(
        *msgspec.structs.astuple(instruction_answer(tree.instruction, zone, in_full=True)),
        orders=[
            order_detail(one.order, one.fills, one.requests, zone) for one in gently(tree.orders)
        ],
        skips=[skip_answer(row) for row in gently(tree.skips)],
        cancels=[request_answer(row, zone) for row in gently(tree.cancels)],
        tat_ns=tree.tat_ns,
        latencies=tree.latencies(),
        as_of=tree.as_of,
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_instructions,
        "Instructions",
        InstructionList,
        policy=READ_OWN,
        tag="instructions",
        query=InstructionQuery,
        problems=("VIEWS_UNAVAILABLE",),
    ),
    Door(
        "GET",
        f"{PATH}/{{instruction_id}}",
        get_instruction,
        "One instruction with its orders, fills, skips, hops and what these took",
        InstructionDetail,
        policy=READ_OWN,
        tag="instructions",
        answers=instruction_examples.INSTRUCTION,
        problems=("UNKNOWN_INSTRUCTION", "VIEWS_UNAVAILABLE"),
    ),
)
