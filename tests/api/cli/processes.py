"""Phalanx as other people run it: a process with a data folder, a port and signals."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from typer.testing import CliRunner, Result

from phalanx.cli import app

READY_S = 60.0
END_S = 30.0


class Process:
    """`python -m phalanx.cli …`, its lines as they come, its end."""

    def __init__(self, *words: str, folder: Path) -> None:
        environment = {name: text for name, text in os.environ.items() if "PHALANX" not in name}
        environment["PHALANX_OPEN_LOCALHOST"] = "true"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "phalanx.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=environment,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.err: list[str] = []
        self._threads = [
            threading.Thread(target=self._read_out, daemon=True),
            threading.Thread(target=self._read_err, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

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
        self._end()

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self, timeout_s: float = READY_S) -> str:
        """The next line of its output. Fails when it ends instead."""
        line = self._lines.get(timeout=timeout_s)
        assert line is not None, "".join(self.err)
        return line

    def line_with(self, text: str) -> str:
        """The next line with this text."""
        while text not in (line := self.line()):
            pass
        return line

    def rest(self) -> list[str]:
        """What else it said, once it has ended."""
        lines: list[str] = []
        while (line := self._lines.get(timeout=END_S)) is not None:
            lines.append(line)
        return lines

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, number: signal.Signals | None = signal.SIGTERM) -> int:
        """Send a signal, and the exit code that comes of it."""
        if number is not None:
            self.send(number)
        return self._end()

    def _end(self) -> int:
        code = self._process.wait(END_S)
        for thread in self._threads:
            thread.join(END_S)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()
        return code

    def _read_out(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _read_err(self) -> None:
        assert self._process.stderr is not None
        self.err.extend(self._process.stderr)


class Server(Process):
    """A server that is ready, and the CLI against it."""

    def __init__(self, data: Path, *words: str, command: str = "serve") -> None:
        data.parent.mkdir(exist_ok=True)
        self.data = data
        super().__init__(command, "--port", "0", "--data", str(data), *words, folder=data.parent)
        try:
            self.url = self.line().split()[1]
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def run(self, *words: str) -> Result:
        """A command in this process, against the server."""
        return run(*words, "--server", self.url)

    def json(self, *words: str) -> object:
        """What a command that succeeds says with --json."""
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    def items(self, *words: str) -> Sequence[dict[str, Any]]:
        """The rows of a list."""
        document = self.json(*words)
        rows = document["items"] if isinstance(document, dict) else document
        assert isinstance(rows, list)
        return rows


def run(*words: str, text: str | None = None) -> Result:
    """A command in this process; ``text``: its standard input."""
    result = CliRunner().invoke(app, list(words), input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result
