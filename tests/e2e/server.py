"""A real server in a process of its own, on a free port, that a test may stop, kill and starve."""

import os
import queue
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT

READY_S_MAX = 60.0
END_S_MAX = 60.0
PHALANX = (sys.executable, "-m", "phalanx.cli")


@contextmanager
def small_files(bytes_max: int) -> Iterator[None]:
    """What is started in this block may not let a file grow past the limit, from its first write on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """``phalanx serve`` over one data folder; ``start`` and ``kill`` may alternate.

    ``program`` is what understands "serve", Phalanx itself unless a test puts something before it.
    """

    def __init__(self, data: Path, *options: str, program: Sequence[str] = PHALANX) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.complaints: list[str] = []
        """The lines of its error output since the last start."""
        self.output: list[str] = []
        """The lines of its output since the last start."""
        self._options = options
        self._program = program
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._readers: list[threading.Thread] = []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        self.launch()
        assert self.becomes_ready(), f"the server ended with {self.wait()}: {self.complaints}"

    def start_in_vain(self) -> int:
        """Start where it must be refused; the exit code."""
        self.launch()
        return self.wait()

    def limit_files(self, bytes_max: int) -> None:
        """From now on no file of the process may grow past this: what a full disk is to it."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (bytes_max, hard))

    def pause(self) -> None:
        """SIGSTOP: it stands still between two instructions of the processor, and knows nothing of it."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """``kill -9``: nothing is flushed, nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """A polite stop; returns the exit code."""
        return self._end(signal.SIGTERM)

    def wait(self) -> int:
        """Wait until it ends by itself; the exit code."""
        return self._end(None)

    def launch(self) -> None:
        """Start, and wait for nothing."""
        assert self._process is None, "it runs"
        command = [*self._program, "serve", "--port", str(self.port), "--data", str(self.data)]
        self.complaints, self.output = [], []
        self._lines = queue.Queue()
        self._process = process = subprocess.Popen(
            [*command, *self._options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=dict(os.environ),
        )
        readers = (self._read_lines, self._read_complaints)
        self._readers = [threading.Thread(target=read, args=[process]) for read in readers]
        for reader in self._readers:
            reader.start()

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals | None) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if number is not None:
            process.send_signal(number)
        try:
            code = process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            for reader in self._readers:
                reader.join(END_S_MAX)
        return code

    def becomes_ready(self) -> bool:
        """Wait until it says that it is ready (True), or ends (False)."""
        deadline = time.monotonic() + READY_S_MAX
        while True:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            if line is None or line.startswith("ready "):
                return line is not None

    def _read_lines(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.output.append(line)
                self._lines.put(line)
        self._lines.put(None)

    def _read_complaints(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        with process.stderr:
            self.complaints.extend(process.stderr)
