"""A real server in a process of its own, on a free port, that a test may kill."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

READY_S_MAX = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """``phalanx serve`` over one data folder; ``start`` and ``kill`` may alternate."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        command = [sys.executable, "-m", "phalanx.cli", "serve"]
        command += ["--port", str(self.port), "--data", str(self.data), *self._options]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ)
        )
        self._wait_ready(self._process)

    def kill(self) -> None:
        """``kill -9``: nothing is flushed, nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """A polite stop; returns the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        code = process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
        return code

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        said = b""
        deadline = time.monotonic() + READY_S_MAX
        while b"ready " not in said:
            left = deadline - time.monotonic()
            assert left > 0, f"not ready: {said!r}"
            if select.select([descriptor], [], [], left)[0]:
                piece = os.read(descriptor, 4096)
                assert piece, f"the server ended with {process.wait(10)}: {said!r}"
                said += piece
