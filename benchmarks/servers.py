"""Server processes that a benchmark starts, and ends."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
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
        bytecode = log.parent / "bytecode"
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**_environment(bytecode), "PHALANX_OPENING_CASH": OPENING_CASH, **names},
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
        command += [] if "--logins" in options else ["--open-localhost"]
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


def _environment(bytecode: Path) -> dict[str, str]:
    """Ours. Where none may be left beside the sources, compiled modules are kept in a folder: an installed
    program is not compiled at every start either.
    """
    ours = dict(os.environ)
    if ours.pop("PYTHONDONTWRITEBYTECODE", ""):
        ours["PYTHONPYCACHEPREFIX"] = str(bytecode)
    return ours


def children(process: int) -> list[int]:
    """The processes that a process started and that run; none where nobody can say."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # It may have ended meanwhile. Its own name is in brackets, and may hold anything.
        with suppress(OSError):
            state, parent = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
            if state != "Z" and int(parent) == process:
                found.append(int(stat.parent.name))
    return found


def write_profiles(path: Path) -> None:
    """A profile for each of the ``ACCOUNTS`` clients; their ids count from 1."""
    profiles = {f"U{n}": {"ANY": ["INFY", "ACC"]} for n in range(ACCOUNTS)}
    path.write_bytes(msgspec.json.encode(profiles))
