"""Kills, decided: stop new risk, cancel what works, or both in one record; and lift a kill again."""

from phalanx.domain.accounts import AccountId
from phalanx.domain.changes import KillLift
from phalanx.domain.events import Event, InstructionPlanned, KillLifted, KillPut
from phalanx.domain.instructions import CancelOpenRequest, Origin
from phalanx.domain.kills import KillCancel, KillLevel, KillScope
from phalanx.domain.orders import ClOrdId, Hops
from phalanx.domain.time import SECOND
from phalanx.engine.commands import LiftKill, PutKill
from phalanx.engine.context import Context
from phalanx.engine.ids import new_instruction_id
from phalanx.engine.plans.cancel_open import plan_cancel_open
from phalanx.engine.refused import Refused
from phalanx.engine.state import State


def put_kill(state: State, command: PutKill, context: Context) -> list[Event]:
    """Stop new risk, cancel what works in the scope, or both.

    A kill that stands already is journaled again only for its key, which must not kill once more after
    that kill was lifted, or because somebody asked to lift it: what was asked before must not lift what
    was put after. Then it has the new note and time. Raises Refused ``UNKNOWN_BROKER``,
    ``UNKNOWN_STRATEGY``, ``UNKNOWN_CLIENT``, ``UNKNOWN_ACCOUNT``.
    """
    scope, origin = command.scope, command.origin
    if not command.adopted:
        _check_known(state, context, scope)
    cancels = _cancels(state, command, context)
    stands = scope.key in state.kills and not _waits_to_be_lifted(state, scope)
    if not command.block or (stands and not origin.idempotency_key):
        return [*cancels]
    put = KillPut(context.now, origin, _account_of(scope), command.note, scope, len(cancels))
    return [put, *cancels]


def lift_kill(state: State, command: LiftKill, context: Context) -> list[Event]:
    """Lift a standing kill. Raises Refused ``NO_SUCH_KILL``."""
    scope = command.scope
    if scope.key not in state.kills:
        raise Refused("NO_SUCH_KILL", f"no kill stands for {scope}")
    return [KillLifted(context.now, command.origin, _account_of(scope), command.note, scope)]


def _waits_to_be_lifted(state: State, scope: KillScope) -> bool:
    changes = [asked.change for asked in state.changes.values()]
    return any(isinstance(one, KillLift) and one.scope == scope for one in changes)


def cancel_further(state: State, context: Context) -> list[InstructionPlanned]:
    """The next part of what a kill has yet to cancel; nothing where that is all.

    Each order's turn comes once, so that cancels which a broker refuses keep nobody from his.
    """
    due = next(iter(state.cancels_due.values()), None)
    if due is None:
        return []
    request = CancelOpenRequest(due.scope, due.exits, until=due.until)
    return [_part(state, context, request, due.origin, due.note, due.after)]


def _cancels(state: State, command: PutKill, context: Context) -> list[InstructionPlanned]:
    """An instruction with the first cancels; refused where there are none."""
    if command.cancel is KillCancel.NOTHING:
        return []
    request = CancelOpenRequest(command.scope, exits=command.cancel is KillCancel.ALL)
    return [_part(state, context, request, command.origin, command.note)]


def _part(
    state: State,
    context: Context,
    request: CancelOpenRequest,
    origin: Origin,
    note: str,
    after: ClOrdId = "",
) -> InstructionPlanned:
    """Cancels of the oldest orders after ``after``, as many as one record holds."""
    plan = plan_cancel_open(state, request, after)
    return InstructionPlanned(
        context.now,
        new_instruction_id(state.desk_id, state.shard, state.next_instruction),
        origin,
        plan.part or request,
        context.now + state.settings.order_expires_s * SECOND,
        (),
        (),
        tuple(plan.cancels),
        (),
        plan.refusal,
        note,
        Hops(),
        context.seed,
    )


def _account_of(scope: KillScope) -> AccountId:
    return scope.name if scope.level is KillLevel.ACCOUNT else ""


def _check_known(state: State, context: Context, scope: KillScope) -> None:
    """Whom a kill names must be there: a switch that stops nobody must not look like one."""
    name = scope.name
    match scope.level:
        case KillLevel.BROKER if not _is_broker(state, context, name):
            raise Refused("UNKNOWN_BROKER", f"no broker {name}")
        case KillLevel.STRATEGY if name not in state.strategies:
            raise Refused("UNKNOWN_STRATEGY", f"no strategy {name}")
        case KillLevel.CLIENT if name not in map(str, state.clients):
            raise Refused("UNKNOWN_CLIENT", f"no client {name}")
        case KillLevel.ACCOUNT if name not in state.accounts:
            raise Refused("UNKNOWN_ACCOUNT", f"no account {name}")
        case _:
            pass


def _is_broker(state: State, context: Context, name: str) -> bool:
    return name in context.capabilities or any(
        account.broker == name for account in state.accounts.values()
    )
