"""Kills, decided: stop new risk, cancel what works, or both in one record; and lift a kill again."""

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.events import Event, InstructionPlanned, KillLifted, KillPut
from phalanx.domain.instructions import CancelDraft, CancelOpenRequest
from phalanx.domain.kills import KillCancel, KillLevel, KillScope
from phalanx.domain.orders import Hops
from phalanx.domain.time import SECOND
from phalanx.engine.commands import LiftKill, PutKill
from phalanx.engine.context import Context
from phalanx.engine.ids import new_instruction_id
from phalanx.engine.plans.cancel_open import cancelable, plan_cancel_open
from phalanx.engine.plans.plan import ORDERS_MAX
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

PARTS_MAX = 3
"""Most instructions that cancel within one record, which must stay below what a command may write. What
is beyond them works on until somebody asks again; the kill's answer says how much that is."""


def put_kill(state: State, command: PutKill, context: Context) -> list[Event]:
    """Stop new risk, cancel what works in the scope, or both.

    A kill that stands already is journaled again only for its key, which must not kill once more after
    that kill was lifted; then it has the new note and time. Raises Refused ``UNKNOWN_BROKER``,
    ``UNKNOWN_STRATEGY``, ``UNKNOWN_CLIENT``, ``UNKNOWN_ACCOUNT``.
    """
    scope, origin = command.scope, command.origin
    if not command.adopted:
        _check_known(state, context, scope)
    cancels = _cancels(state, command, context)
    if not command.block or (scope.key in state.kills and not origin.idempotency_key):
        return [*cancels]
    put = KillPut(context.now, origin, _account_of(scope), command.note, scope, len(cancels))
    return [put, *cancels]


def lift_kill(state: State, command: LiftKill, context: Context) -> list[Event]:
    """Lift a standing kill. Raises Refused ``NO_SUCH_KILL``."""
    scope = command.scope
    if scope.key not in state.kills:
        raise Refused("NO_SUCH_KILL", f"no kill stands for {scope}")
    return [KillLifted(context.now, command.origin, _account_of(scope), command.note, scope)]


def _cancels(state: State, command: PutKill, context: Context) -> list[InstructionPlanned]:
    """One instruction with all the cancels, or as few as hold them; refused where there are none."""
    if command.cancel is KillCancel.NOTHING:
        return []
    request = CancelOpenRequest(command.scope, exits=command.cancel is KillCancel.ALL)
    most = ORDERS_MAX * PARTS_MAX
    plan = plan_cancel_open(state, request, most)
    parts = [
        tuple(plan.cancels[start : start + ORDERS_MAX])
        for start in range(0, len(plan.cancels), ORDERS_MAX)
    ] or [()]
    left = sum(1 for _ in cancelable(state, request)) - most if len(plan.cancels) == most else 0
    request = msgspec.structs.replace(request, parts=len(parts), left=left)

    def planned(number: int, cancels: tuple[CancelDraft, ...]) -> InstructionPlanned:
        return InstructionPlanned(
            context.now,
            new_instruction_id(state.desk_id, state.shard, state.next_instruction + number),
            command.origin,
            request,
            context.now + state.settings.order_expires_s * SECOND,
            (),
            (),
            cancels,
            (),
            plan.refusal,
            command.note,
            Hops(),
            context.seed,
        )

    return [planned(number, cancels) for number, cancels in enumerate(parts)]


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
