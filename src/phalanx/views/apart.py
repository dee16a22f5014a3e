"""The server's end of the process that writes the views (``views/child.py``): a Follower, elsewhere."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import msgspec

from phalanx.views.child import DONE, FAILED, REST, Failed
from phalanx.views.projector import RecordsDoNotFit
from phalanx.views.source import RecordSource

CLOSE_S_MAX: Final = 5.0
"""A process that has not ended by then is killed: what it had open is taken back at the next start."""

_NEEDED: Final = frozenset({"HOME", "LANG", "PATH", "SYSTEMROOT", "TMPDIR", "TZ", "VIRTUAL_ENV"})
_NEEDED_BEGIN: Final = ("COV", "DYLD_", "LC_", "LD_", "PYTHON")


class ChildFailed(Exception):
    """What went wrong in the process that writes the views, in its words."""


class ChildEnded(Exception):
    """The process that writes the views is gone without a word."""


class ApartFollower:
    """Like a Follower. Used by one thread at a time, which waits while the process works.

    Opening is done by the process: raises what ``advance`` raises.
    """

    def __init__(
        self,
        folder: Path,
        path: Path,
        source: RecordSource,
        _breathe: Callable[[], None] | None = None,
    ) -> None:
        """``folder``: the journal's. ``source`` is the same journal, here."""
        self._source = source
        command = [sys.executable, "-P", "-m", "phalanx.views.child", str(folder), str(path)]
        self._process = subprocess.Popen(  # noqa: S603  our own program, on paths of ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A signal from the terminal is for the server, and it lets this one end.
            start_new_session=True,
            env=_environment(),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout
        self.seq = 0
        try:
            self.seq = int(self._answer())
        except BaseException:
            self.close()
            raise

    @property
    def process_id(self) -> int:
        """Of the process that writes."""
        return self._process.pid

    def advance(self, until_seq: int) -> Generator[int]:
        """Take in what the journal holds, up to ``until_seq``; yields as a Follower does.

        Raises ChildFailed, ChildEnded, and RecordsDoNotFit where the views have to be built anew.
        """
        self._say(b"%d\n" % until_seq)
        while (line := self._answer()) != DONE:
            self.seq = int(line)
            yield self.seq

    def rest(self) -> None:
        """Nothing is to be done just now."""
        self._say(REST)

    def close(self) -> None:
        """Let the process end, and see that it does."""
        for pipe in (self._to, self._from):
            with suppress(OSError):
                pipe.close()
        try:
            self._process.wait(CLOSE_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _say(self, line: bytes) -> None:
        try:
            self._to.write(line)
            self._to.flush()
        except OSError as error:
            raise ChildEnded(f"the views' process is gone: {error}") from None

    def _answer(self) -> bytes:
        line = self._from.readline()
        if line.startswith(FAILED):
            self._raise(msgspec.json.decode(line.removeprefix(FAILED), type=Failed))
        if not line.endswith(b"\n"):
            raise ChildEnded("the views' process is gone")
        return line

    def _raise(self, failed: Failed) -> None:
        if failed.journal:
            # Damage is the whole desk's business: whoever meets it here rings the journal's alarm.
            for _ in self._source.records(self.seq):
                pass
        raise (RecordsDoNotFit if failed.rebuild else ChildFailed)(failed.said)


def _environment() -> dict[str, str]:
    """What Python needs to run: a key of the server's may be in the rest, and has no business there."""
    return {
        name: text
        for name, text in os.environ.items()
        if name in _NEEDED or name.startswith(_NEEDED_BEGIN)
    }
