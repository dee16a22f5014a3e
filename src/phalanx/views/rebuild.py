"""Build the views of a data folder again, from nothing."""

from pathlib import Path

from phalanx.journal.sqlite.reader import SqliteJournalReader
from phalanx.views.follower import Follower
from phalanx.views.schema import database_path, drop
from phalanx.views.source import RecordSource


def rebuild(folder: Path, source: RecordSource | None = None) -> int:
    """Drop ``views.db`` and take the whole journal in; returns the last seq.

    Not beside a process that writes the same views: the caller holds the folder's lock. Killed half
    way, what is there is whole up to some event, and the next start goes on from it. Raises what
    the journal raises; ``apsw.Error``, ``OSError``.
    """
    path = database_path(folder)
    drop(path)
    follower = Follower(path, source or SqliteJournalReader(folder))
    try:
        for _ in follower.advance():
            pass
        return follower.seq
    finally:
        follower.close()
