"""A terminal with somebody in front of it: a command on a pseudo-terminal, and what it drew."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path
from types import TracebackType
from typing import Self

WAIT_S = 60.0
_STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screening:
    """`python -m phalanx.cli …` on a terminal of a size; its text without colours."""

    def __init__(self, *words: str, folder: Path, columns: int = 120, rows: int = 40) -> None:
        self._end, end = pty.openpty()
        ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {
            name: text
            for name, text in os.environ.items()
            if "PHALANX" not in name and name not in {"COLUMNS", "LINES", "NO_COLOR"}
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "phalanx.cli", *words],
            stdin=end,
            stdout=end,
            stderr=end,
            cwd=folder,
            env={**environment, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(end)
        self.drawn = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._end)

    @property
    def text(self) -> str:
        """Everything that was drawn until now, frame after frame."""
        return _STEERING.sub("", self.drawn.decode(errors="replace"))

    def wait_for(self, text: str) -> None:
        """Until this was drawn."""
        deadline = time.monotonic() + WAIT_S
        while text not in self.text:
            assert time.monotonic() < deadline, self.text[-4_000:]
            if not self._read(0.1):
                raise AssertionError(f"it ended: {self.text[-4_000:]}")

    def end(self, number: signal.Signals) -> int:
        """Send a signal, draw to the end, and the exit code."""
        self._process.send_signal(number)
        while self._read(WAIT_S):
            pass
        return self._process.wait(WAIT_S)

    def _read(self, seconds: float) -> bool:
        """Take what is there; False when the command has ended."""
        ready, _, _ = select.select([self._end], [], [], seconds)
        if not ready:
            return True
        try:
            part = os.read(self._end, 65_536)
        except OSError:  # how a pseudo-terminal says that nobody writes any more
            return False
        self.drawn += part
        return bool(part)
