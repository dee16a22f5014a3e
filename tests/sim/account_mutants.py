"""Planted bugs of what an account may do while its broker is unread, killed, or knows more than we do."""

from collections.abc import Callable

import msgspec
import pytest

from phalanx.desk import direct_kills as direct_kills_module
from phalanx.desk.firing.firing import Firing
from phalanx.desk.firing.gate import Gate
from phalanx.desk.ports import KillFlag, NoKillFlag
from phalanx.desk.reconciling import reconciler as reconciler_module
from phalanx.desk.reconciling.adoption import Evidence
from phalanx.desk.reconciling.opening import Opening
from phalanx.domain.events import BreakFiled
from phalanx.domain.reasons import Reason
from phalanx.domain.time import Clock, trading_day
from phalanx.engine import apply as apply_module
from phalanx.engine import timers as timers_module
from phalanx.engine.context import Context
from phalanx.engine.idempotency import first_use
from phalanx.engine.reconciliation import adoption as found_module
from phalanx.engine.reconciliation.differences import Comparison
from phalanx.engine.state import Order, State
from phalanx.simulation.archive import DiskArchive

Plant = Callable[[pytest.MonkeyPatch], None]


def never_close_an_account(patch: pytest.MonkeyPatch) -> None:
    """Once it is open it stays open, whatever becomes of its session."""
    patch.setattr(Opening, "close", lambda opening, account, why: None)


def many_in_flight_without_tags(patch: pytest.MonkeyPatch) -> None:
    """Orders that a broker cannot tell apart are on their way together."""
    patch.setattr(Firing, "_flight", lambda firing, draft: None)


def replace_under_a_kill(patch: pytest.MonkeyPatch) -> None:
    """The gate looks for kills when it lets orders go, not when they grow."""
    admit_request = Gate.admit_request

    def admit(gate: Gate, order: Order) -> Reason | None:
        with pytest.MonkeyPatch.context() as blind:
            blind.setattr(Gate, "_stopped", lambda gate, order: None)
            return admit_request(gate, order)

    patch.setattr(Gate, "admit_request", admit)


def open_whatever_the_journal_lost(patch: pytest.MonkeyPatch) -> None:
    """An account with an order that nobody knows is one like any other."""
    patch.setattr(reconciler_module, "why_closed", lambda state, comparison: "")


def give_ids_of_lost_orders_again(patch: pytest.MonkeyPatch) -> None:
    """A broker shows ids that the journal has lost, and the counter stays where it is."""
    filed = apply_module._APPLIERS[BreakFiled]

    def keep_counting(state: State, event: BreakFiled) -> None:
        counter = state.next_order
        filed(state, event)
        state.next_order = counter

    patch.setitem(apply_module._APPLIERS, BreakFiled, keep_counting)


def no_quiet_time_by_the_clock_that_nobody_sets(patch: pytest.MonkeyPatch) -> None:
    """When all wall clocks are set forward, the time of doubt is over."""
    after = Evidence.after

    def hasty(evidence: Evidence, before: Comparison, now: int, quiet_ns: int) -> Evidence:
        return after(evidence, before, now, 0)

    patch.setattr(Evidence, "after", hasty)
    patch.setattr(Evidence, "early", lambda *_: frozenset())


def grant_a_replace_on_one_reading(patch: pytest.MonkeyPatch) -> None:
    """Terms that a book shows are believed, though it may be older than the request."""
    patch.setattr(found_module, "may_believe_shown", lambda *_: True)


def expire_on_one_reading_less(patch: pytest.MonkeyPatch) -> None:
    """What a book does not show on the day after is over, though the book may be older than the order."""
    after = Evidence.after

    def hasty(evidence: Evidence, before: Comparison, now: int, quiet_ns: int) -> Evidence:
        found = after(evidence, before, now, quiet_ns)
        more = {id: found.absences[id] + 1 for id in before.overdue}
        return msgspec.structs.replace(found, absences={**found.absences, **more})

    patch.setattr(Evidence, "after", hasty)


def no_kill_flag_at_the_gate(patch: pytest.MonkeyPatch) -> None:
    """A kill past the desk waits until the desk has found it."""
    begin = Gate.__init__

    def without(gate: Gate, state: State, clock: Clock, epoch: int, flag: KillFlag) -> None:
        begin(gate, state, clock, epoch, NoKillFlag())

    patch.setattr(Gate, "__init__", without)


def adopt_a_direct_kill_again(patch: pytest.MonkeyPatch) -> None:
    """It is not known by its id: a crash before the flag is down puts it twice."""
    seen: set[int] = set()

    def forgetful(state: State, origin: object) -> object:
        if id(state) in seen:
            return first_use(state, origin)  # type: ignore[arg-type]
        seen.add(id(state))
        return None

    patch.setattr(direct_kills_module, "first_use", forgetful)


def forget_what_left_memory(patch: pytest.MonkeyPatch) -> None:
    """Nobody finds an order of ours that is not in memory any more."""

    async def nothing(archive: DiskArchive, cl_ord_id: str) -> None:
        return None

    patch.setattr(DiskArchive, "order", nothing)


def forget_at_our_midnight(patch: pytest.MonkeyPatch) -> None:
    """What ended on a day before leaves memory, though a broker without tags may show it still."""
    stays = timers_module._stays_for_the_day

    def until_midnight(state: State, context: Context, order: Order, ended_at: int) -> bool:
        zone_offset_s = state.settings.zone_offset_s
        is_todays = trading_day(ended_at, zone_offset_s) == trading_day(context.now, zone_offset_s)
        return is_todays and stays(state, context, order, ended_at)

    patch.setattr(timers_module, "_stays_for_the_day", until_midnight)


def remember_for_ever(patch: pytest.MonkeyPatch) -> None:
    """What once stayed for the day is never looked at again."""
    patch.setattr(timers_module, "_stays_for_the_day", lambda *_: True)


ACCOUNT_MUTANTS = (
    never_close_an_account,
    many_in_flight_without_tags,
    replace_under_a_kill,
    open_whatever_the_journal_lost,
    give_ids_of_lost_orders_again,
    no_quiet_time_by_the_clock_that_nobody_sets,
    grant_a_replace_on_one_reading,
    expire_on_one_reading_less,
    no_kill_flag_at_the_gate,
    adopt_a_direct_kill_again,
    forget_what_left_memory,
    forget_at_our_midnight,
    remember_for_ever,
)
