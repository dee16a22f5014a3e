"""Planted bugs: each is a small change of the real code, and each must be caught within a few seeds.

``python -m tests.sim.mutants`` plants them one by one, tells stories until one fails, and shows which
invariant caught it. A mutant that survives means that the simulation does not see what it should.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from time import perf_counter

import msgspec
import pytest

from phalanx.brokers.outcome import Reply, believed
from phalanx.brokers.port import Accepted, NeverWritten, Outcome, Refused
from phalanx.desk import desk as desk_module
from phalanx.desk import recovery
from phalanx.desk.commit import Group
from phalanx.desk.decisions import Decisions
from phalanx.desk.desk import Desk, Executed
from phalanx.desk.firing import tickets as tickets_module
from phalanx.desk.firing.gate import Gate
from phalanx.desk.firing.wire import Wire
from phalanx.desk.reconciling import adoption as adoption_module
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.events import (
    DispatchLapsed,
    Event,
    ForeignFillBooked,
    OrderDoubted,
    OrderReported,
    TermBegan,
)
from phalanx.domain.numbers import FIXED_MAX
from phalanx.domain.orders import TERMINAL, ExecType, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine import apply as apply_module
from phalanx.engine import commands as c
from phalanx.engine import decide as decide_module
from phalanx.engine import risk
from phalanx.engine.apply import orders as orders_module
from phalanx.engine.context import Context
from phalanx.engine.reconciliation import doubt as doubt_module
from phalanx.engine.state import Order, PendingRequest, State
from phalanx.journal.memory import MemoryJournal
from phalanx.journal.port import JournalReader, Tail
from phalanx.simulation import simulated_broker as broker_module
from phalanx.simulation.faults.options import draw
from phalanx.simulation.faults.runner import ASSERTION, ERROR, tell
from phalanx.simulation.invariants.named import Invariant, Violation
from phalanx.simulation.loop import Deadlock
from tests.sim.account_mutants import (
    ACCOUNT_MUTANTS,
    no_quiet_time_by_the_clock_that_nobody_sets,
)
from tests.sim.paper_mutants import PAPER_MUTANTS
from tests.sim.second_look_mutants import SECOND_LOOK_MUTANTS
from tests.sim.story import run

SEEDS_MAX = 1_000
"""Within so many seeds, from 0, a mutant is caught."""

Plant = Callable[[pytest.MonkeyPatch], None]


class Caught(msgspec.Struct, frozen=True):
    """What became of a mutant; ``seed`` None: it survived."""

    mutant: str
    invariant: str
    seed: int | None
    took_s: float


# --- journal, then act ----------------------------------------------------------------------------


def send_before_sync(patch: pytest.MonkeyPatch) -> None:
    """Orders go out as soon as they are decided."""
    decide = Decisions.decide

    def decide_and_fire(
        decisions: Decisions, command: c.Command, context: Context | None = None
    ) -> list[Event]:
        decided = decide(decisions, command, context)
        for _ in decisions._firing.wire.released(decided, 1):
            pass
        return decided

    patch.setattr(Decisions, "decide", decide_and_fire)


def acknowledge_before_commit(patch: pytest.MonkeyPatch) -> None:
    """An answer does not wait for the disk."""

    async def at_once(desk: Desk, events: Sequence[Event]) -> Executed:
        return Executed(tuple(events), desk.state.seq)

    patch.setattr(Desk, "_answer", at_once)


def write_the_first_portion_only(patch: pytest.MonkeyPatch) -> None:
    """After the loop had its turn, nobody goes on with what is left to write."""
    released = Wire.released

    def release(wire: Wire, events: Iterable[Event], at_once: int) -> Iterator[None]:
        yield from islice(released(wire, events, at_once), 1)

    patch.setattr(Wire, "released", release)


def lose_a_group_now_and_then(patch: pytest.MonkeyPatch) -> None:
    """Something durable is not told to the stream."""
    released = Desk._released

    async def release(desk: Desk, group: Group) -> None:
        if group.last_seq % 17:
            await released(desk, group)

    patch.setattr(Desk, "_released", release)


def ignore_the_lock(patch: pytest.MonkeyPatch) -> None:
    """A process takes the journal over from one that lives."""
    acquire = MemoryJournal.acquire

    def take(journal: MemoryJournal) -> Tail:
        journal.disk.holder = None
        return acquire(journal)

    patch.setattr(MemoryJournal, "acquire", take)


def write_on_after_a_failure(patch: pytest.MonkeyPatch) -> None:
    """The journal failed, and the desk goes on."""
    patch.setattr(Desk, "_die", lambda desk, failure: None)


def trust_an_old_snapshot(patch: pytest.MonkeyPatch) -> None:
    """The snapshot is taken for the whole journal: what came after it is left out."""
    from_snapshot = recovery._from_snapshot

    def trust(reader: JournalReader, until_seq: int | None, until_time: int | None) -> State | None:
        state = from_snapshot(reader, until_seq, until_time)
        if state is not None:
            tail = reader.tail()
            state.seq, state.epoch = tail.seq, tail.epoch
        return state

    patch.setattr(recovery, "_from_snapshot", trust)


# --- once -----------------------------------------------------------------------------------------


def resend_on_timeout(patch: pytest.MonkeyPatch) -> None:
    """What is in doubt is sent again."""

    def requeue(state: State, command: c.BookUnknown, context: Context) -> list[Event]:
        order = state.orders.get(command.cl_ord_id)
        if order is None or command.request_id or order.status is not OrdStatus.SENT:
            return []
        return [DispatchLapsed(context.now, (command.cl_ord_id,))]

    patch.setitem(decide_module._DECIDERS, c.BookUnknown, requeue)


def resend_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    """What had no answer when the process died is sent again."""
    _begin_otherwise(patch, lambda term: [DispatchLapsed(term.time, term.doubted), _calm(term)])


def doubt_nothing_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    """What had no answer when the process died stays sent, for ever."""
    _begin_otherwise(patch, lambda term: [_calm(term)])


def doubt_what_was_never_dispatched(patch: pytest.MonkeyPatch) -> None:
    """After a restart orders that wait for their turn are in doubt too."""
    begin_term = decide_module._DECIDERS[c.BeginTerm]

    def begin(state: State, command: c.BeginTerm, context: Context) -> list[Event]:
        waiting = [o for o in state.open_orders() if o.status is OrdStatus.PENDING_NEW]
        doubts = [OrderDoubted(context.now, o.draft.cl_ord_id, "who knows") for o in waiting]
        return [*begin_term(state, command, context), *doubts]

    patch.setitem(decide_module._DECIDERS, c.BeginTerm, begin)


def drop_the_idempotency_record(patch: pytest.MonkeyPatch) -> None:
    """The same key is a new instruction each time."""
    patch.setattr(desk_module, "first_use", lambda state, origin: None)


def trust_an_http_400(patch: pytest.MonkeyPatch) -> None:
    """Any refusal is believed, whatever its code proves."""

    def believe(reply: Reply, capabilities: Capabilities) -> Outcome:
        return Accepted(reply.order_id) if reply.accepted else Refused(reply.code, reply.text)

    patch.setattr(broker_module, "outcome_of", believe)
    patch.setattr(tickets_module, "believed", lambda outcome, capabilities, *, written: outcome)


def believe_that_nothing_was_written(patch: pytest.MonkeyPatch) -> None:
    """A lost answer is taken for a request that never left: the order waits for another turn."""

    def hope(outcome: Outcome, capabilities: Capabilities, *, written: bool) -> Outcome:
        found = believed(outcome, capabilities, written=written)
        if isinstance(found, Accepted | Refused | NeverWritten):
            return found
        return NeverWritten(Reason(ReasonCode.BROKER_UNREACHABLE), again=True)

    patch.setattr(tickets_module, "believed", hope)


# --- doubt ----------------------------------------------------------------------------------------


def no_quiet_time(patch: pytest.MonkeyPatch) -> None:
    """Absence is believed at once, by either clock: what arrives late finds its order ended."""
    patch.setattr(doubt_module, "_quiet", lambda deadline, capabilities: 0)
    no_quiet_time_by_the_clock_that_nobody_sets(patch)


def absence_after_one_look(patch: pytest.MonkeyPatch) -> None:
    """One reading proves an absence, though a reading may lag."""
    table = broker_module.stub_capabilities
    patch.setattr(
        broker_module,
        "stub_capabilities",
        lambda kind: msgspec.structs.replace(table(kind), looks_to_prove=1),
    )


# --- the gate -------------------------------------------------------------------------------------


def no_gate(patch: pytest.MonkeyPatch) -> None:
    """Whatever was dispatched is written, whatever happened since."""
    patch.setattr(Gate, "admit_order", lambda gate, order: None)


def no_send_deadline(patch: pytest.MonkeyPatch) -> None:
    """A process that was stopped for a minute writes where it was."""
    admit_order = Gate.admit_order

    def admit(gate: Gate, order: Order) -> Reason | None:
        deadline, order.deadline = order.deadline, FIXED_MAX
        try:
            return admit_order(gate, order)
        finally:
            order.deadline = deadline

    patch.setattr(Gate, "admit_order", admit)


def no_kills_at_the_gate(patch: pytest.MonkeyPatch) -> None:
    """A kill stops plans and lets go what was dispatched."""
    patch.setattr(Gate, "_stopped", lambda gate, order: None)


def write_twice(patch: pytest.MonkeyPatch) -> None:
    """An order goes out twice in one turn."""
    place = Wire._place

    def again(wire: Wire, cl_ord_id: str, committed: int) -> None:
        place(wire, cl_ord_id, committed)
        wire._unanswered.pop(cl_ord_id, None)
        place(wire, cl_ord_id, committed)

    patch.setattr(Wire, "_place", again)


# --- the books ------------------------------------------------------------------------------------


def apply_a_report_twice(patch: pytest.MonkeyPatch) -> None:
    """Each execution counts double in the state."""
    reported = apply_module._APPLIERS[OrderReported]

    def twice(state: State, event: OrderReported) -> None:
        reported(state, event)
        if event.last_quantity and event.status not in TERMINAL:
            reported(state, event)

    patch.setitem(apply_module._APPLIERS, OrderReported, twice)


def book_an_execution_again(patch: pytest.MonkeyPatch) -> None:
    """Executions are not known by their id: one that is reported twice is booked twice."""
    book = decide_module._DECIDERS[c.BookReport]

    def forgetful(state: State, command: c.BookReport, context: Context) -> list[Event]:
        order = state.orders.get(command.report.cl_ord_id)
        report = command.report
        if order is not None and report.exec_id in order.exec_ids:
            cum = order.cum_quantity + report.last_quantity
            report = msgspec.structs.replace(report, exec_id="", cum_quantity=cum)
        return book(state, c.BookReport(report, command.hops), context)

    patch.setitem(decide_module._DECIDERS, c.BookReport, forgetful)


def go_backwards(patch: pytest.MonkeyPatch) -> None:
    """A report that is older than what is known is believed."""
    book = decide_module._DECIDERS[c.BookReport]

    def believe(state: State, command: c.BookReport, context: Context) -> list[Event]:
        report = command.report
        order = state.orders.get(report.cl_ord_id)
        is_trade = report.exec_type is ExecType.TRADE
        if order is None or not is_trade or report.cum_quantity >= order.cum_quantity:
            return book(state, command, context)
        return [
            OrderReported(
                context.now, report.cl_ord_id, order.status, report.cum_quantity, 0, report
            )
        ]

    def apply_it(state: State, event: OrderReported) -> None:
        reported(state, event)
        order = state.orders[event.cl_ord_id]
        order.cum_quantity = event.cum_quantity

    reported = apply_module._APPLIERS[OrderReported]
    patch.setitem(decide_module._DECIDERS, c.BookReport, believe)
    patch.setitem(apply_module._APPLIERS, OrderReported, apply_it)


def forget_a_hold_release(patch: pytest.MonkeyPatch) -> None:
    """The cash of an order that has ended stays set aside."""
    set_hold = orders_module.set_hold

    def keep(book: object, order: Order, hold: int) -> None:
        if hold:
            set_hold(book, order, hold)  # type: ignore[arg-type]
        else:
            order.hold = 0

    patch.setattr(orders_module, "set_hold", keep)


def sell_more_than_held(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether there is enough to sell."""
    patch.setattr(risk, "sellable", lambda *_: FIXED_MAX)


def book_foreign_trades_again(patch: pytest.MonkeyPatch) -> None:
    """What somebody traded outside is booked at every reading."""
    booked = apply_module._APPLIERS[ForeignFillBooked]

    def forget(state: State, event: ForeignFillBooked) -> None:
        booked(state, event)
        state.foreign_fills.clear()

    patch.setitem(apply_module._APPLIERS, ForeignFillBooked, forget)


def forget_requests_of_a_dead_process(patch: pytest.MonkeyPatch) -> None:
    """A cancel that had no answer when the process died waits for one for ever."""

    def never(request: PendingRequest, capabilities: Capabilities, now: int) -> bool:
        return False

    patch.setattr(doubt_module, "is_doubtful", never)


def never_look_again(patch: pytest.MonkeyPatch) -> None:
    """Reports that were lost are never asked for."""
    patch.setattr(adoption_module, "steps", lambda *_: ())


def _begin_otherwise(patch: pytest.MonkeyPatch, change: Callable[[TermBegan], list[Event]]) -> None:
    begin_term = decide_module._DECIDERS[c.BeginTerm]

    def begin(state: State, command: c.BeginTerm, context: Context) -> list[Event]:
        *founded, term = begin_term(state, command, context)
        assert isinstance(term, TermBegan)
        return [*founded, *change(term)]

    patch.setitem(decide_module._DECIDERS, c.BeginTerm, begin)


def _calm(term: TermBegan) -> TermBegan:
    return msgspec.structs.replace(term, doubted=())


MUTANTS: tuple[Plant, ...] = (
    send_before_sync,
    acknowledge_before_commit,
    lose_a_group_now_and_then,
    write_the_first_portion_only,
    ignore_the_lock,
    write_on_after_a_failure,
    trust_an_old_snapshot,
    resend_on_timeout,
    resend_after_a_restart,
    doubt_nothing_after_a_restart,
    doubt_what_was_never_dispatched,
    drop_the_idempotency_record,
    trust_an_http_400,
    believe_that_nothing_was_written,
    no_quiet_time,
    absence_after_one_look,
    no_gate,
    no_send_deadline,
    no_kills_at_the_gate,
    write_twice,
    apply_a_report_twice,
    book_an_execution_again,
    go_backwards,
    forget_a_hold_release,
    sell_more_than_held,
    book_foreign_trades_again,
    forget_requests_of_a_dead_process,
    never_look_again,
    *ACCOUNT_MUTANTS,
    *SECOND_LOOK_MUTANTS,
    *PAPER_MUTANTS,
)


def hunt(mutant: Plant, seeds: int = SEEDS_MAX) -> Caught:
    """Plant it and tell stories until one fails: of faults, or of every kind of instruction over paper."""
    story = tell_over_paper if mutant in PAPER_MUTANTS else tell_of_faults
    begun = perf_counter()
    with pytest.MonkeyPatch.context() as patch:
        mutant(patch)
        for seed in range(seeds):
            caught_by = story(seed)
            if caught_by:
                return Caught(mutant.__name__, caught_by, seed, perf_counter() - begun)
    return Caught(mutant.__name__, "", None, perf_counter() - begun)


def tell_of_faults(seed: int) -> str:
    """The invariant that did not hold, if one did not; an error of the plant's own is none."""
    failure = tell(draw(seed)).failure
    return "" if failure is None or failure.invariant == ERROR else failure.invariant


def tell_over_paper(seed: int) -> str:
    """The same of a story over paper."""
    try:
        run(seed)
    except Violation as violation:
        return violation.invariant.name
    except Deadlock:
        return Invariant.PROGRESS.name
    except AssertionError:
        return ASSERTION
    return ""


def main() -> int:
    """Hunt all of them, print a table; 1 if any survives."""
    parser = argparse.ArgumentParser(description="plant bugs and see who finds them")
    parser.add_argument("--seeds", type=int, default=SEEDS_MAX, help="so many for each")
    parser.add_argument("--jobs", type=int, default=2, help="over so many processes")
    parser.add_argument("names", nargs="*", help="only these")
    asked = parser.parse_args()
    mutants = [one for one in MUTANTS if not asked.names or one.__name__ in asked.names]
    print(f"{'mutant':40} {'caught by':22} {'seed':>5} {'time':>8}")
    survived = 0
    with ProcessPoolExecutor(asked.jobs) as pool:
        for caught in pool.map(hunt, mutants, [asked.seeds] * len(mutants)):
            survived += caught.seed is None
            by = caught.invariant or "SURVIVED"
            seed = "" if caught.seed is None else str(caught.seed)
            print(f"{caught.mutant:40} {by:22} {seed:>5} {caught.took_s:>6.2f} s", flush=True)
    print(f"{len(mutants) - survived} of {len(mutants)} caught within {asked.seeds} seeds")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
