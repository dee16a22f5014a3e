"""Server processes that a benchmark starts, and ends."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from benchmarks.scene import ACCOUNTS

OPENING_CASH = "1000000000"
START_S = 60


class Server:
    """One process that prints a line of JSON with its ``url`` when it is ready."""

    def __init__(
        self, command: list[str], log: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        names = {f"PHALANX_{name.upper()}": value for name, value in (settings or {}).items()}
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PHALANX_OPENING_CASH": OPENING_CASH, **names},
            )
        self.process = self._process.pid
        said = self._first_line(log)
        self.port = int(urlsplit(said["url"]).port or 0)

    @classmethod
    def phalanx(
        cls, data: Path, *options: str, settings: Mapping[str, str] | None = None
    ) -> "Server":
        """`phalanx serve` over a data folder, on a free port; ``settings`` by name."""
        command = [sys.executable, "-m", "phalanx.cli", "serve", "--json", "--port", "0"]
        command += ["--data", str(data), *options]
        return cls(command, data.with_suffix(".log"), settings)

    @classmethod
    def floor(cls, data: Path, *options: str, name: str = "door") -> "Server":
        """The bare door over a data folder, or another floor with a door, on a free port."""
        command = [sys.executable, "-m", f"benchmarks.floors.{name}", "--data", str(data)]
        return cls([*command, *options], data.with_suffix(".log"))

    def stop(self) -> None:
        """End the process as an operator does, and wait."""
        self._process.terminate()
        assert self._process.stdout is not None
        self._process.stdout.close()
        code = self._process.wait(START_S)
        if code:
            raise RuntimeError(f"a server ended with {code}")

    def _first_line(self, log: Path) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait(START_S)
            raise RuntimeError(f"a server ended with {code}: {log.read_text()[-2_000:]}")
        said: dict[str, Any] = msgspec.json.decode(line)
        return said


def write_profiles(path: Path) -> None:
    """A profile for each of the ``ACCOUNTS`` clients; their ids count from 1."""
    profiles = {f"U{n}": {"ANY": ["INFY", "ACC"]} for n in range(ACCOUNTS)}
    path.write_bytes(msgspec.json.encode(profiles))
