"""What `verify` and `replay` say; the journals themselves are in tests/api/cli."""

import errno
import os
from pathlib import Path

import msgspec
import pytest

from phalanx.cli.journal.past import Past
from phalanx.cli.journal.verification import UnusableSnapshot, Verification, verified
from phalanx.desk.recovery import rebuild
from phalanx.domain.accounts import Account, Client, Mode
from phalanx.domain.audit import Act
from phalanx.domain.events import AccessRecorded, encode_event, join_events
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Product
from phalanx.engine.snapshot import SNAPSHOT_VERSION, blob_hash, encode_state
from phalanx.engine.state import Book, Lot, Position, State, position_key
from phalanx.journal import Snapshot, SqliteJournal
from phalanx.journal.errors import Damage, JournalCorrupt
from phalanx.journal.record import Tail
from phalanx.journal.verify import Report, SnapshotNote

TAIL = Tail(1, 7, 42, bytes(32))
SOUND = Report(0, 7, 42, 1_000, 1, TAIL, TAIL, 0, (SnapshotNote(7, 42, 1, 10),), None)


def verification(report: Report = SOUND, *, agrees: bool | None = True) -> Verification:
    return Verification(Path("data"), report, "ab" * 32, agrees)


def test_a_sound_folder() -> None:
    found = verification()

    assert found.ok
    assert list(found.lines())[-1] == "sound"
    document = found.document()
    assert (document["ok"], document["last_seq"], document["problem"]) == (True, 42, None)
    assert document["snapshots"] == SOUND.snapshots


def test_a_snapshot_that_leads_elsewhere() -> None:
    found = verification(agrees=False)

    assert not found.ok
    assert list(found.lines())[-1] == "NOT SOUND"


def test_no_snapshot_is_no_fault() -> None:
    found = verification(agrees=None)

    assert found.ok
    assert "none yet" in "\n".join(found.lines())


def test_damage_is_named() -> None:
    damage = JournalCorrupt(Damage.ALTERED_RECORD, "record 3 is not what was written", record=3)
    found = verification(msgspec.structs.replace(SOUND, problem=damage), agrees=None)

    assert not found.ok
    assert list(found.lines())[-1] == "DAMAGED  record 3 is not what was written [ALTERED_RECORD]"
    problem = {"code": "ALTERED_RECORD", "message": "record 3 is not what was written"}
    assert found.document()["problem"] == problem


def test_a_crash_between_commit_and_anchor_is_said() -> None:
    text = "\n".join(verification(msgspec.structs.replace(SOUND, ahead=1)).lines())

    assert "one record ahead" in text


@pytest.fixture
def state() -> State:
    book = Book("PAPER-1/P", "PAPER-1", Mode.PAPER)
    lot = Lot("AB00000001", "S", "NSE:22", Product.DELIVERY, 0, True, remaining=whole(4))
    lot.cost = whole(4_400)
    book.lots["NSE:22"] = {lot.id: lot}
    closing = Lot("AB00000002", "S", "NSE:25", Product.DELIVERY, 0, True, closing="I1")
    book.lots["NSE:25"] = {closing.id: closing}
    for held in (Position("NSE:22", Product.DELIVERY, whole(4)), Position("NSE:25", Product.MTF)):
        book.positions[position_key(held.instrument, held.product)] = held
    return State(
        seq=9,
        epoch=2,
        clients={1: Client(1, "Holland Proctor")},
        accounts={"PAPER-1": Account("PAPER-1", 1)},
        books={book.id: book},
    )


def test_a_past_state_has_the_shape_of_the_doors(state: State, tmp_path: Path) -> None:
    document = Past(state, tmp_path).document()

    assert (document["seq"], document["epoch"]) == (9, 2)
    assert document["positions"] == [
        {
            "client": "Holland Proctor",
            "client_id": 1,
            "account": "PAPER-1",
            "mode": "PAPER",
            "instrument": "NSE:22",
            "symbol": "NSE:22",
            "exchange": "NSE",
            "token_id": "22",
            "product": "DELIVERY",
            "quantity": "4",
            "sellable": "4",
            "selling": "0",
            "average_price": "1100",
        }
    ]
    (buy,) = Past(state, tmp_path).open_buys()
    assert (buy["exchange"], buy["token_id"], buy["strategy"]) == ("NSE", "22", "S")
    assert (buy["order_id"], buy["quantity"], buy["filled"]) == ("AB00000001", "4", "4")


def test_without_its_master_a_past_state_shows_keys(state: State, tmp_path: Path) -> None:
    state.instruments_sha256 = "ab" * 32

    assert next(Past(state, tmp_path).positions())["instrument"] == "NSE:22"


def test_an_instrument_file_that_is_lost() -> None:
    found = Verification(Path("data"), SOUND, "ab" * 32, None, "x.csv is missing")

    assert not found.ok
    assert list(found.lines())[-2:] == ["LOST     x.csv is missing [INSTRUMENTS_LOST]", "NOT SOUND"]
    problem = {"code": "INSTRUMENTS_LOST", "message": "x.csv is missing"}
    assert found.document()["problem"] == problem


@pytest.mark.parametrize("missing", [True, False])
def test_a_missing_witness_is_remarked_and_no_fault(*, missing: bool) -> None:
    found = Verification(Path("data"), SOUND, "ab" * 32, None, witness_missing=missing)
    lines = list(found.lines())

    assert found.ok
    assert lines[-1] == "sound"
    remarks = [line for line in lines if line.startswith("remark   ")]
    assert ["the anchor outside" in line for line in remarks] == [True] * missing
    assert found.document()["witness_missing"] is missing


def files_of(folder: Path) -> list[Path]:
    """Its snapshots, oldest first."""
    return sorted(folder.rglob("snapshot-*"))


async def with_snapshots(
    folder: Path, versions: tuple[int, ...] = (SNAPSHOT_VERSION,)
) -> list[Path]:
    """A journal of one record for each snapshot, of these versions; the files, oldest first."""
    journal = SqliteJournal(folder)
    journal.acquire()
    for number, version in enumerate(versions, start=1):
        fact = AccessRecorded(number, Origin("ann", Door.ACCESS), Act.LOGIN, "ann", "", 1, number)
        tail = await journal.append(join_events([encode_event(fact)], 1), 1, bytes([number] * 16))
        blob = encode_state(rebuild(journal, use_snapshot=False))
        journal.put_snapshot(
            Snapshot(tail.seq, tail.record, tail.chain, blob_hash(blob), version, blob)
        )
    journal.close()
    return files_of(folder)


async def test_a_snapshot_that_cannot_be_used_is_named_and_no_fault(tmp_path: Path) -> None:
    (path,) = await with_snapshots(tmp_path)
    assert verified(tmp_path).snapshot_agrees is True
    path.write_bytes(path.read_bytes()[:-1])

    found = verified(tmp_path)
    lines = list(found.lines())

    assert found.ok
    assert (lines[-2], lines[-1]) == ("snapshot none that can be used", "sound")
    (remark,) = [line for line in lines if f"{path.name} cannot be used" in line]
    assert remark.startswith("remark   ")
    assert "altered or cut" in remark
    assert found.document()["unusable_snapshots"] == found.unusable
    assert found.snapshot_agrees is None


async def test_an_older_snapshot_serves_where_the_newest_cannot_be_used(tmp_path: Path) -> None:
    _, newest = await with_snapshots(tmp_path, (SNAPSHOT_VERSION, SNAPSHOT_VERSION + 1))

    found = verified(tmp_path)

    why = "its state is damaged, or of another version"
    assert found.unusable == (UnusableSnapshot(newest.name, why),)
    assert found.snapshot_agrees is True
    assert "snapshot leads to the same state" in list(found.lines())


async def test_a_snapshot_of_another_journal_is_named(tmp_path: Path) -> None:
    (path,) = await with_snapshots(tmp_path / "one")
    _, theirs = await with_snapshots(tmp_path / "two", (SNAPSHOT_VERSION, SNAPSHOT_VERSION))
    (path.parent / theirs.name).write_bytes(theirs.read_bytes())

    (found,) = verified(tmp_path / "one").unusable

    assert found == UnusableSnapshot(theirs.name, "it is not of this journal")


async def test_a_snapshot_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (path,) = await with_snapshots(tmp_path)
    path.unlink()
    path.mkdir()

    (found,) = verified(tmp_path).unusable

    assert (found.name, found.why) == (path.name, f"it cannot be read: {os.strerror(errno.EISDIR)}")


@pytest.mark.parametrize("missing", [True, False])
def test_whether_a_folder_has_its_witness_is_looked_up(tmp_path: Path, *, missing: bool) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    journal.close()
    if missing:
        (tmp_path / "anchor").unlink()

    assert verified(tmp_path).witness_missing is missing
