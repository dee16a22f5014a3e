"""A data folder without its server: looked at, stopped past it, or opened for an admin again."""

import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from phalanx.bootstrap.machine import SystemClock, SystemRandom
from phalanx.brokers.kill_flag import FILE as KILL_FLAG
from phalanx.brokers.kill_flag import order_kill
from phalanx.desk.recovery import rebuild, restore_snapshot
from phalanx.domain.events import decode_events
from phalanx.domain.kills import DirectKill, KillScope
from phalanx.domain.time import Nanoseconds
from phalanx.engine.state import State
from phalanx.journal.lock import FolderLock
from phalanx.journal.port import Tail
from phalanx.journal.sqlite import SqliteJournalReader
from phalanx.journal.sqlite.database import Places
from phalanx.journal.verify import Report, Seen, verify
from phalanx.views.audited import Audited, audited

if TYPE_CHECKING:
    from phalanx.access.rescue import Rescued


def order_direct_kill(data: Path, scope: KillScope, *, cancel: bool, note: str) -> int:
    """Stop new risk past the server of a data folder, whether it runs, hangs or was never there.

    On disk when this returns the flag's number. Raises KillFlagBusy, KillFlagFull, OSError.
    """
    data.mkdir(0o700, parents=True, exist_ok=True)
    kill = DirectKill(secrets.token_hex(8), scope, "local", note, time.time_ns(), cancel)
    return order_kill(data / KILL_FLAG, kill)


def rescue_admin(data: Path, name: str | None = None) -> "Rescued":
    """Let an admin of a data folder in again, while no server holds it; its next start journals that.

    Raises JournalLocked, OSError, AccessError NO_DATABASE, DATABASE_NEWER, DATABASE_UNREADABLE, and as
    `rescue`.
    """
    from phalanx.access.errors import AccessCode, AccessError
    from phalanx.access.passwords import PasswordCost, Passwords
    from phalanx.access.rescue import rescue
    from phalanx.access.store import FILE, AccessStore

    if not (data / FILE).exists():
        # A database that is made before its key would keep the next server from starting.
        detail = f"there is no {FILE}; the first start of a server makes an admin"
        raise AccessError(AccessCode.NO_DATABASE, detail)
    lock = FolderLock(Places(data).lock)
    lock.acquire()
    try:
        store = AccessStore.open(data)
        try:
            passwords = Passwords(PasswordCost(), SystemRandom())
            return rescue(store, passwords, SystemClock(), name)
        finally:
            store.close()
    finally:
        lock.release()


def replay_state(
    data: Path, until_seq: int | None = None, until_time: Nanoseconds | None = None
) -> State:
    """The state of any past moment of a data folder, read-only; the folder may be live."""
    reader = SqliteJournalReader(data)
    try:
        return rebuild(reader, until_seq, until_time)
    finally:
        reader.close()


def verify_folder(data: Path, seen: Iterable[Seen] = ()) -> tuple[Report, State | None]:
    """Check every record of a data folder and replay it from the start, read-only.

    ``seen``: what is known of it from outside. The state is None when the journal is damaged.
    """
    reader = SqliteJournalReader(data)
    try:
        report = verify(reader, seen)
        state = None if report.problem is not None else rebuild(reader, use_snapshot=False)
        return report, state
    finally:
        reader.close()


def snapshot_files(data: Path) -> Iterator[tuple[str, str]]:
    """The snapshot files of a data folder, newest first, by name, each with why no start can use it; that
    is empty where one can. Read-only.
    """
    reader = SqliteJournalReader(data)
    try:
        for name, found in reader.snapshot_files():
            if isinstance(found, str):
                yield name, found
            else:
                is_whole = restore_snapshot(found) is not None
                yield name, "" if is_whole else "its state is damaged, or of another version"
    finally:
        reader.close()


def audit_trail(data: Path) -> Iterator[tuple[Tail, list[tuple[int, Audited]]]]:
    """Record by record of a data folder, read-only: where it ends, and what somebody did in it, each act
    with its seq. Raises the journal's errors by name, and msgspec.DecodeError.
    """
    reader = SqliteJournalReader(data)
    try:
        for record in reader.records():
            events = enumerate(decode_events(record.body), record.first_seq)
            acts = ((seq, audited(event)) for seq, event in events)
            yield record.tail, [(seq, act) for seq, act in acts if act is not None]
    finally:
        reader.close()
