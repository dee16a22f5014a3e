"""Any order of appends, failures, takeovers, crashes and starts: the journal is a list that only grows.

The machine knows the port alone; it runs once for every entry of `BACKENDS`.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from phalanx.journal import (
    FailPoint,
    Fenced,
    Journal,
    JournalError,
    JournalFailed,
    JournalLocked,
    NoSuchSeq,
    Snapshot,
    Tail,
    verify,
)
from tests.contract.journal.backends import BACKENDS, Backend
from tests.property.engine.profile import SOAK

Entry = tuple[bytes, int]
BODIES = st.binary(max_size=6_000)
CODES = {
    FailPoint.BEFORE: "DISK_FULL",
    FailPoint.UNSYNCED: "IO_ERROR",
    FailPoint.ANCHOR: "ANCHOR_FAILED",
}

writing = precondition(lambda self: self.writer is not None and self.failure is None)
alive = precondition(lambda self: self.writer is not None)
down = precondition(lambda self: self.writer is None)


class JournalMachine(RuleBasedStateMachine):
    """``model`` is the list of (body, count). ``doubtful`` is an append of which nobody was told
    how it ended: it is in the journal or not, and that is settled by the next start.

    ``stale`` are writers that were taken over, ``heard`` what the present one said of itself.
    """

    def __init__(self, make: Callable[[Path], Backend]) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.root = Path(tempfile.mkdtemp())
        self.backend = make(self.root)
        self.model: list[Entry] = []
        self.doubtful: Entry | None = None
        self.epoch = 0
        self.calls = 0
        self.stale: list[Journal] = []
        self.writer: Journal | None = None
        self.failure: str | None = None
        self.heard: list[JournalError] = []
        self.start()

    # --- what the rules are made of ---------------------------------------------------------------

    @property
    def live(self) -> Journal:
        assert self.writer is not None
        return self.writer

    def append(self, journal: Journal, body: bytes, count: int) -> None:
        self.calls += 1
        batch_id = self.calls.to_bytes(16, "big")
        tail = self.runner.run(journal.append(body, count, batch_id))
        self.model.append((body, count))
        assert (tail.epoch, tail.record) == (self.epoch, len(self.model))
        assert tail.seq == sum(count for _, count in self.model)

    def start(self) -> None:
        journal = self.backend.open()
        tail = journal.acquire()
        self.epoch += 1
        self.settle()
        self.doubtful = None
        assert (tail.epoch, tail.record) == (self.epoch, len(self.model))
        self.writer, self.failure, self.heard = journal, None, []
        self.runner.run(self.listen(journal, self.heard))

    async def listen(self, journal: Journal, heard: list[JournalError]) -> None:
        journal.listen(heard.append)

    def settle(self) -> None:
        """A doubtful append that can be read is there, from now on for ever."""
        found = [(record.body, record.count) for record in self.backend.open().records()]
        if self.doubtful is not None and found == [*self.model, self.doubtful]:
            self.model.append(self.doubtful)
            self.doubtful = None
        assert found == self.model

    def fail(self, point: FailPoint, entry: Entry) -> JournalFailed:
        self.backend.fail_next(self.live, point)
        with pytest.raises(JournalFailed) as error:
            self.runner.run(self.live.append(*entry, bytes(16)))
        assert (error.value.code, error.value.definite) == (CODES[point], point is FailPoint.BEFORE)
        if not error.value.definite:
            self.doubtful = entry
        return error.value

    def die(self) -> None:
        self.backend.crash(self.live)
        # Writers of an earlier life work on files that this life does not see.
        for stale in self.stale:
            stale.close()
        self.stale.clear()
        self.writer = None

    # --- a writer at work -------------------------------------------------------------------------

    @writing
    @rule(body=BODIES, count=st.integers(1, 300))
    def append_one(self, body: bytes, count: int) -> None:
        self.append(self.live, body, count)

    @writing
    @rule(bodies=st.lists(st.binary(max_size=50), min_size=2, max_size=20))
    def append_several_at_once(self, bodies: list[bytes]) -> None:
        async def together() -> None:
            calls = [self.live.append(body, 1, bytes(16)) for body in bodies]
            await asyncio.gather(*calls)

        self.runner.run(together())
        self.model += [(body, 1) for body in bodies]

    @writing
    @rule(body=BODIES)
    def append_with_an_unknown_outcome_that_is_read_back(self, body: bytes) -> None:
        self.backend.lose_next_answer(self.live)
        self.append(self.live, body, 1)

    @writing
    @rule(point=st.sampled_from(FailPoint), body=BODIES, more=st.integers(0, 2))
    def append_that_fails(self, point: FailPoint, body: bytes, more: int) -> None:
        failure = self.fail(point, (body, 1))
        self.failure = failure.code
        assert self.heard == [failure]
        for _ in range(more):
            with pytest.raises(JournalFailed) as error:
                self.runner.run(self.live.append(b"later", 1, bytes(16)))
            assert (error.value.code, error.value.definite) == (failure.code, True)

    @alive
    @rule()
    def snapshot(self) -> None:
        if self.doubtful is not None:
            return
        tail = self.live.tail()
        made = Snapshot(tail.seq, tail.record, tail.chain, bytes(32), 1, b"%d" % tail.record)
        self.live.put_snapshot(made)
        assert next(iter(self.live.snapshots())) == made

    # --- its end, and the next one ----------------------------------------------------------------

    @alive
    @rule()
    def close(self) -> None:
        self.live.close()
        self.writer = None

    @alive
    @rule()
    def crash(self) -> None:
        self.die()

    @writing
    @rule(point=st.sampled_from(FailPoint), body=BODIES)
    def crash_in_the_middle_of_an_append(self, point: FailPoint, body: bytes) -> None:
        """Before it is durable, when nobody can say, or after, with its anchor not written."""
        self.fail(point, (body, 2))
        self.die()
        if point is FailPoint.ANCHOR:
            self.settle()
            assert self.doubtful is None, "it was durable"

    @writing
    @rule(body=BODIES)
    def crash_between_an_append_and_its_answer(self, body: bytes) -> None:
        self.append(self.live, body, 1)
        self.die()

    @down
    @rule()
    def start_again(self) -> None:
        self.start()

    @alive
    @rule()
    def start_a_second_one(self) -> None:
        with pytest.raises(JournalLocked):
            self.backend.open().acquire()

    @alive
    @rule()
    def take_over(self) -> None:
        self.stale.append(self.live)
        self.backend.break_lock()
        self.start()

    # --- those who were taken over ----------------------------------------------------------------

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def a_stale_writer_appends(self, data: st.DataObject) -> None:
        stale = data.draw(st.sampled_from(self.stale))
        with pytest.raises((Fenced, JournalFailed)) as error:
            self.runner.run(stale.append(b"stale", 1, bytes(16)))
        # What it knew to be wrong before it was taken over stays its reason.
        assert error.value.code in {"FENCED", *CODES.values()}

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def a_stale_writer_closes(self, data: st.DataObject) -> None:
        stale = data.draw(st.sampled_from(self.stale))
        self.stale.remove(stale)
        stale.close()
        if self.writer is not None:
            with pytest.raises(JournalLocked):
                self.backend.open().acquire()

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def a_stale_writer_reads(self, data: st.DataObject) -> None:
        stale = data.draw(st.sampled_from(self.stale))
        self.settle()
        assert [(record.body, record.count) for record in stale.records()] == self.model

    # --- readers ----------------------------------------------------------------------------------

    @rule(data=st.data())
    def read_from_anywhere(self, data: st.DataObject) -> None:
        reader = self.backend.open()
        self.settle()
        ends = [0]
        for _, count in self.model:
            ends.append(ends[-1] + count)
        after_seq = data.draw(st.integers(0, ends[-1] + 2))
        wanted = [
            body for (body, _), end in zip(self.model, ends[1:], strict=True) if end > after_seq
        ]
        assert [record.body for record in reader.records(after_seq)] == wanted
        if wanted:
            assert reader.record_at(after_seq + 1).body == wanted[0]
        else:
            with pytest.raises(NoSuchSeq):
                reader.record_at(after_seq + 1)

    @invariant()
    def the_journal_is_the_model(self) -> None:
        self.settle()
        report = verify(self.backend.open())
        assert report.ok
        assert report.records == len(self.model)
        healthy = self.writer is not None and self.failure is None
        assert report.ahead == 0 or (report.ahead == 1 and not healthy)

    @invariant()
    def a_writer_says_of_itself_what_it_is(self) -> None:
        self.runner.run(asyncio.sleep(0))
        if self.writer is not None:
            assert [failure.code for failure in self.heard] == (
                [] if self.failure is None else [self.failure]
            )

    def teardown(self) -> None:
        for journal in (*self.stale, *([self.writer] if self.writer else [])):
            journal.close()
        self.runner.close()
        self.backend.close()
        shutil.rmtree(self.root)


EXAMPLES = {"memory": 60, "sqlite": 15}


@pytest.mark.parametrize("name", BACKENDS)
def test_the_journal_is_a_list_that_only_grows(name: str) -> None:
    run_state_machine_as_test(
        lambda: JournalMachine(BACKENDS[name]),  # type: ignore[arg-type]  # it is only called
        settings=settings(max_examples=EXAMPLES.get(name, 15) * SOAK, stateful_step_count=30),
    )


class Forgetful(JournalMachine):
    """Over a backend that acknowledges before it is durable, and keeps its traces together."""

    def die(self) -> None:
        super().die()
        records = list(self.backend.open().records())
        if records:
            last = records[-1]
            seq, chain = last.first_seq - 1, last.prev_chain
            before = Tail(self.epoch, last.record - 1, seq, chain)
            self.backend.put_blob(last.record, None)
            self.backend.set_tail(before)
            self.backend.set_anchor(before)


def test_a_journal_that_forgets_without_a_trace_would_be_caught() -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            lambda: Forgetful(BACKENDS["memory"]),  # type: ignore[arg-type]  # it is only called
            settings=settings(max_examples=200, phases=(Phase.generate,), database=None),
        )
