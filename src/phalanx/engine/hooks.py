"""Sources of inbound webhooks: put, removed, and the caps that hold for what they ask for."""

from msgspec.structs import replace

from phalanx.domain.events import Event, HookSourcePut, HookSourceRemoved
from phalanx.domain.hooks import ACTOR_PREFIX, HookSource
from phalanx.domain.instructions import Origin
from phalanx.domain.numbers import format_fixed, multiply
from phalanx.engine.commands import PutHooks
from phalanx.engine.context import Context
from phalanx.engine.persons.person import check_person
from phalanx.engine.plans.plan import Plan
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

HOOKS_MAX = 200


def put_hooks(state: State, command: PutHooks, context: Context) -> list[Event]:
    """Upsert sources, then remove some, all or nothing.

    Raises Refused ``PERSON_NEEDED``, ``UNKNOWN_HOOK``, ``TOO_MANY_HOOKS``.
    """
    check_person(command.origin, "what a webhook may do")
    for name in command.removed:
        if name not in state.hooks:
            raise Refused("UNKNOWN_HOOK", f"no webhook source {name}")
    if len({*state.hooks, *(one.name for one in command.sources)}) > HOOKS_MAX:
        raise Refused("TOO_MANY_HOOKS", f"more than {HOOKS_MAX} webhook sources")
    now, origin = context.now, command.origin
    events: list[Event] = [
        HookSourcePut(now, origin, replace(one, by=origin.actor))
        for one in command.sources
        if not _stands(state, one)
    ]
    return events + [HookSourceRemoved(now, origin, name) for name in command.removed]


def _stands(state: State, source: HookSource) -> bool:
    """Whether it is there just so, whoever put it."""
    there = state.hooks.get(source.name)
    return there is not None and replace(there, by="") == source


def check_caps(state: State, origin: Origin, plan: Plan) -> None:
    """Whether every order of this plan is within the caps of the source that asked; of others nothing.

    It holds for orders that open risk: what only reduces is never larger than what is there. Asked with
    every plan, so also when a held instruction is planned later. Raises Refused ``HOOK_QUANTITY``,
    ``HOOK_VALUE``, and ``UNKNOWN_HOOK`` for a source that is gone or switched off.
    """
    if not origin.actor.startswith(ACTOR_PREFIX):
        return
    name = origin.actor.removeprefix(ACTOR_PREFIX)
    source = state.hooks.get(name)
    if source is None or not source.is_open:
        raise Refused("UNKNOWN_HOOK", f"there is no webhook source {name} any more, or it is off")
    quantity_max, value_max = source.caps.quantity_max, source.caps.value_max
    for draft in plan.orders:
        if draft.reduce_only:
            continue
        if quantity_max is not None and draft.quantity > quantity_max:
            detail = f"an order of {format_fixed(draft.quantity)} units"
            raise Refused("HOOK_QUANTITY", f"{detail}; {name} may {format_fixed(quantity_max)}")
        value = multiply(draft.limit, draft.quantity)
        if value_max is not None and value > value_max:
            raise Refused(
                "HOOK_VALUE", f"an order above {format_fixed(value_max)}, which is all {name} may"
            )
