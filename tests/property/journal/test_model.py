"""Any order of appends, takeovers, crashes and starts: the journal is a list that only grows."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from phalanx.journal import (
    Fenced,
    Journal,
    JournalFailed,
    JournalLocked,
    NoSuchSeq,
    Snapshot,
    verify,
)
from tests.contract.journal.backends import Backend, MemoryBackend, SqliteBackend


class JournalMachine(RuleBasedStateMachine):
    """The model is a list of (body, count); ``stale`` are writers that were taken over."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.backend = self.make_backend()
        self.model: list[tuple[bytes, int]] = []
        self.epoch = 0
        self.calls = 0
        self.stale: list[Journal] = []
        self.writer: Journal | None = None
        self.start()

    def make_backend(self) -> Backend:
        return MemoryBackend()

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
        assert (tail.epoch, tail.record) == (self.epoch, len(self.model))
        self.writer = journal

    @property
    def live(self) -> Journal:
        assert self.writer is not None
        return self.writer

    @precondition(lambda self: self.writer is not None)
    @rule(body=st.binary(max_size=6_000), count=st.integers(1, 300))
    def append_one(self, body: bytes, count: int) -> None:
        self.append(self.live, body, count)

    @precondition(lambda self: self.writer is not None)
    @rule(bodies=st.lists(st.binary(max_size=50), min_size=2, max_size=20))
    def append_several_at_once(self, bodies: list[bytes]) -> None:
        async def together() -> None:
            calls = [self.live.append(body, 1, bytes(16)) for body in bodies]
            await asyncio.gather(*calls)

        self.runner.run(together())
        self.model += [(body, 1) for body in bodies]

    @precondition(lambda self: self.writer is not None)
    @rule()
    def close(self) -> None:
        self.live.close()
        self.writer = None

    @precondition(lambda self: self.writer is not None)
    @rule()
    def crash(self) -> None:
        self.backend.crash(self.live)
        # Writers of an earlier life work on files that this life does not see.
        for stale in self.stale:
            stale.close()
        self.stale.clear()
        self.writer = None

    @precondition(lambda self: self.writer is None)
    @rule()
    def start_again(self) -> None:
        self.start()

    @precondition(lambda self: self.writer is not None)
    @rule()
    def start_a_second_one(self) -> None:
        with pytest.raises(JournalLocked):
            self.backend.open().acquire()

    @precondition(lambda self: self.writer is not None)
    @rule()
    def take_over(self) -> None:
        self.stale.append(self.live)
        self.backend.break_lock()
        self.start()

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def a_stale_writer_wakes(self, data: st.DataObject) -> None:
        stale = data.draw(st.sampled_from(self.stale))
        with pytest.raises((Fenced, JournalFailed)) as error:
            self.runner.run(stale.append(b"stale", 1, bytes(16)))
        assert error.value.code in ("FENCED", "CLOSED")

    @precondition(lambda self: self.writer is not None)
    @rule()
    def snapshot(self) -> None:
        tail = self.live.tail()
        made = Snapshot(tail.seq, tail.record, tail.chain, bytes(32), 1, b"%d" % tail.record)
        self.live.put_snapshot(made)
        assert self.live.latest_snapshot() == made

    @rule(data=st.data())
    def read_from_anywhere(self, data: st.DataObject) -> None:
        reader = self.backend.open()
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
        reader = self.backend.open()
        assert [(record.body, record.count) for record in reader.records()] == self.model
        report = verify(reader)
        assert report.ok
        assert (report.records, report.ahead) == (len(self.model), 0)

    def teardown(self) -> None:
        for journal in (*self.stale, *([self.writer] if self.writer else [])):
            journal.close()
        self.runner.close()


class SqliteJournalMachine(JournalMachine):
    def make_backend(self) -> Backend:
        self.root = Path(tempfile.mkdtemp())
        return SqliteBackend(self.root / "data")

    def teardown(self) -> None:
        super().teardown()
        assert isinstance(self.backend, SqliteBackend)
        self.backend.close()
        shutil.rmtree(self.root)


TestMemoryJournal = JournalMachine.TestCase
TestMemoryJournal.settings = settings(max_examples=60, stateful_step_count=30)
TestSqliteJournal = SqliteJournalMachine.TestCase
TestSqliteJournal.settings = settings(max_examples=15, stateful_step_count=25)
