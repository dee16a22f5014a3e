"""The scrub: a running system reads its whole journal once, beside the work, and looks for damage.

A start reads what lies behind the newest snapshot, and nothing reads what lies before it: a bit that
turned there would be met by a replay years later. So every record is read and checked after each
start, by a thread of its own that is in nobody's hurry. After each record, once it has worked for a
fraction of a millisecond, it rests for several times as long as it worked, waiting for the interpreter's
lock included: the busier the others are, the longer it rests. The reader fetches records in chunks, and
does not rest inside of one: a chunk (at most 512 records, and no further one after 4 MiB) takes
milliseconds, in which others get the lock as from any thread, whenever they ask for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from phalanx.journal.errors import JournalCorrupt, JournalError
from phalanx.journal.port import JournalReader
from phalanx.journal.verify import Counts

SLICE_S: Final = 0.000_2
RESTS: Final = 4
"""How many times as long as a slice took, the rest after it is."""
REST_S_MAX: Final = 0.05
"""A machine that stood still makes a slice of hours: that is no reason to rest for days."""
TRIES_MAX: Final = 10
RETRY_S_FIRST: Final = 1.0
RETRY_S_MAX: Final = 60.0
STOP_S_MAX: Final = 10.0

_log = logging.getLogger(__name__)


class Scrub:
    """One look at every record that a journal held when it began. Started once, by one thread.

    Damage rings the alarm, whose listener stops the desk. A file that is busy or cannot be opened is
    no damage: it is tried again, ever more rarely, `TRIES_MAX` times in all.
    """

    def __init__(self, reader: JournalReader, ring: Callable[[JournalError], None]) -> None:
        """``reader`` is used by the scrub's own thread; ``ring`` is called there, with the damage."""
        self._reader = reader
        self._ring = ring
        self._stopping = Event()
        self._slice_began = 0.0
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin, and return at once."""
        assert self._thread is None, "a scrub is started once"
        self._thread = Thread(target=self._run, name="journal-scrub", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the record under way; harmless when it ended, or never began. Blocks."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_S_MAX)

    def _run(self) -> None:
        retry_s = RETRY_S_FIRST
        for _ in range(TRIES_MAX):
            try:
                self._read_all()
            except _Stopped:
                return
            except JournalCorrupt as damage:
                _log.error("the journal is damaged", extra=_facts(damage))
                self._ring(damage)
                return
            except JournalError as trouble:
                _log.warning("the journal cannot be checked just now", extra=_facts(trouble))
            except Exception:  # noqa: BLE001  no trade is to suffer from it
                _log.exception("the check of the journal failed by a fault of ours")
                return
            else:
                return
            if self._stopping.wait(retry_s):
                return
            retry_s = min(2 * retry_s, RETRY_S_MAX)
        _log.error("the journal was not checked: it could not be read", extra={"tries": TRIES_MAX})

    def _read_all(self) -> None:
        """One whole pass. Raises `JournalError`; `_Stopped` when told to end."""
        _log.info("the whole journal is being checked")
        began = self._slice_began = time.monotonic()
        counts = Counts()
        counts.read(self._reader, self._reader.tail(), self._breathe)
        facts = {
            "records": counts.records,
            "events": counts.events,
            "seconds": round(time.monotonic() - began, 3),
        }
        _log.info("the whole journal was checked and is sound", extra=facts)

    def _breathe(self) -> None:
        """After each record: let others go first, when it is time. Raises `_Stopped`."""
        worked_s = time.monotonic() - self._slice_began
        rest_s = min(RESTS * worked_s, REST_S_MAX) if worked_s >= SLICE_S else 0.0
        if self._stopping.is_set() or (rest_s and self._stopping.wait(rest_s)):
            raise _Stopped
        if rest_s:
            self._slice_began = time.monotonic()


class _Stopped(Exception):
    """Told to end in the middle."""


def _facts(error: JournalError) -> dict[str, str]:
    return {"code": error.code, "error": error.message}
