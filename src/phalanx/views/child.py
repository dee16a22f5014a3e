"""``python -m phalanx.views.child FOLDER VIEWS``: the views are written by a process of their own.

It reads the journal in ``FOLDER`` as any other process may, and has an interpreter's lock of its own,
so it never stands in the way of the loop that trades. It does what the server says in lines on its
standard input, and ends with them: also when the server was killed.

    it says   <seq>            where the views are: at its start, and after each transaction
    it hears  <seq>            take in what is durable up to there; answered by ``done`` at the end
    it hears  rest             nothing is to be done just now; not answered
    it says   failed <JSON>    `Failed`; then it ends
"""

import signal
import sys
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from phalanx.journal.errors import JournalError
from phalanx.journal.sqlite import SqliteJournalReader
from phalanx.views.follower import Follower
from phalanx.views.projector import RecordsDoNotFit
from phalanx.views.schema import UNREADABLE

REST: Final = b"rest\n"
DONE: Final = b"done\n"
FAILED: Final = b"failed "


class Failed(msgspec.Struct, frozen=True):
    """What went wrong. ``rebuild``: the views are of no use any more; ``journal``: it was read in vain."""

    said: str
    rebuild: bool
    journal: bool


def serve(heard: BinaryIO, said: BinaryIO, folder: Path, path: Path) -> None:
    """Follow the journal in ``folder`` until ``heard`` ends. Raises OSError when nobody listens."""
    try:
        follower = Follower(path, SqliteJournalReader(folder))
        try:
            _say(said, b"%d\n" % follower.seq)
            for line in heard:
                if line == REST:
                    follower.rest()
                    continue
                for seq in follower.advance(int(line)):
                    _say(said, b"%d\n" % seq)
                _say(said, DONE)
        finally:
            follower.close()
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, the server is told and tries again
        rebuild = isinstance(error, (*UNREADABLE, RecordsDoNotFit))
        text = f"{type(error).__name__}: {error}"
        failed = Failed(text, rebuild, isinstance(error, JournalError))
        _say(said, FAILED + msgspec.json.encode(failed) + b"\n")


def _say(said: BinaryIO, line: bytes) -> None:
    said.write(line)
    said.flush()


def main() -> None:
    """See the module. A terminal's Ctrl-C and a service's SIGTERM are the server's to act on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    folder, path = map(Path, sys.argv[1:])
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, folder, path)
    except BrokenPipeError:
        # The server is gone; nothing that was written to it matters any more.
        sys.stdout = None


if __name__ == "__main__":
    main()
