"""What a look at a whole data folder found."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.journal.past import unreadable
from phalanx.engine.snapshot import state_hash
from phalanx.engine.state import State
from phalanx.journal.errors import JournalError
from phalanx.journal.verify import Report, Seen


class UnusableSnapshot(msgspec.Struct, frozen=True):
    """The name of a snapshot file, and why no start can use it."""

    name: str
    why: str


class Verification(msgspec.Struct, frozen=True):
    """A journal's report, the hash it replays to, and whether its newest snapshot leads to the same.

    ``snapshot_agrees`` is None when there is no snapshot to start from, or nothing could be replayed.
    ``instruments_lost``: what is wrong with the instrument file that the journal names, if anything.
    ``witness_missing``: there is no anchor outside the journal's folder; remarkable, and no fault. So are
    ``unusable``: snapshot files that no start can use.
    """

    folder: Path
    report: Report
    state_hash: str | None
    snapshot_agrees: bool | None
    instruments_lost: str | None = None
    witness_missing: bool = False
    unusable: tuple[UnusableSnapshot, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        agrees = self.snapshot_agrees is not False
        return self.report.ok and agrees and self.instruments_lost is None

    def document(self) -> dict[str, object]:
        """All of it, for a program."""
        report = self.report
        return {
            "ok": self.ok,
            "records": report.records,
            "events": report.events,
            "body_bytes": report.body_bytes,
            "epochs": report.epochs,
            "last_record": report.last.record,
            "last_seq": report.last.seq,
            "chain": report.last.chain.hex(),
            "ahead_of_anchor": report.ahead,
            "snapshots": report.snapshots,
            "unusable_snapshots": self.unusable,
            "state_hash": self.state_hash,
            "snapshot_agrees": self.snapshot_agrees,
            "witness_missing": self.witness_missing,
            "problem": self._problem(),
        }

    def _problem(self) -> dict[str, str] | None:
        damage = self.report.problem
        if damage is not None:
            return {"code": damage.code, "message": damage.message}
        if self.instruments_lost is not None:
            return {"code": "INSTRUMENTS_LOST", "message": self.instruments_lost}
        return None

    def lines(self) -> Iterator[str]:
        """The same for a person."""
        report = self.report
        yield (
            f"{self.folder}: {report.records} records, {report.events} events in "
            f"{report.epochs} epochs, {report.body_bytes} bytes"
        )
        if report.problem is not None:
            yield f"DAMAGED  {report.problem.message} [{report.problem.code}]"
            return
        yield f"chain    ends at record {report.last.record} with {report.last.chain.hex()[:16]}…"
        behind = (
            "one record ahead of it, as after a crash" if report.ahead else "at the same record"
        )
        yield f"anchor   the journal is {behind}"
        if self.witness_missing:
            yield f"remark   {_WITNESS_MISSING}"
        yield f"replay   state hash {self.state_hash}"
        for one in self.unusable:
            yield f"remark   {one.name} cannot be used: {one.why}; {_UNUSABLE}"
        is_none_of_them = bool(self.unusable) and self.snapshot_agrees is None
        yield f"snapshot {_NO_USE if is_none_of_them else _SNAPSHOT[self.snapshot_agrees]}"
        if self.instruments_lost is not None:
            yield f"LOST     {self.instruments_lost} [INSTRUMENTS_LOST]"
        yield "sound" if self.ok else "NOT SOUND"


_WITNESS_MISSING = (
    "the anchor outside the journal's folder is missing, so an older copy of the journal would not "
    "be noticed; the next start makes it anew"
)
_UNUSABLE = "it is a cache: a start takes an older one or the whole journal, and only takes longer"
_NO_USE = "none that can be used"
_SNAPSHOT = {
    None: "none yet",
    True: "leads to the same state",
    False: "LEADS TO ANOTHER STATE than the journal; delete it, it is a cache",
}


def verified(folder: Path, seen: Iterable[Seen] = ()) -> Verification:
    """Read everything once, replay it, and replay it again from the newest snapshot.

    ``seen``: what is known of the journal from outside. Raises Failure when there is nothing to read.
    """
    from phalanx import bootstrap
    from phalanx.journal.sqlite import SqliteJournalReader

    try:
        report, state = bootstrap.verify_folder(folder, seen)
        if state is None:
            return Verification(folder, report, None, None)
        files = list(bootstrap.snapshot_files(folder))
        unusable = tuple(UnusableSnapshot(name, why) for name, why in files if why)
        # Without one to start from, the replay would be compared with itself.
        agrees = _agrees(folder, state) if len(unusable) < len(files) else None
        lost = _instruments_lost(folder, state)
        alone = SqliteJournalReader(folder).witness() is None
    except JournalError as error:
        raise Failure(Exit.FAILURE, error.code, error.message) from None
    except msgspec.DecodeError as error:
        raise unreadable(folder, error) from None
    return Verification(folder, report, state_hash(state).hex(), agrees, lost, alone, unusable)


def _agrees(folder: Path, state: State) -> bool:
    from phalanx import bootstrap

    # A live folder grows on; both are asked about the same event.
    return state_hash(bootstrap.replay_state(folder, state.seq)) == state_hash(state)


def _instruments_lost(folder: Path, state: State) -> str | None:
    """Why the server could not load the instrument file in force, if so."""
    from phalanx.market.store import InstrumentsAltered, InstrumentsMissing, InstrumentStore

    if not state.instruments_sha256:
        return None
    try:
        InstrumentStore(folder / "instruments").content(state.instruments_sha256)
    except (InstrumentsMissing, InstrumentsAltered) as error:
        return str(error)
    except OSError as error:
        return f"{error.filename}: {error.strerror or error}"
    return None
