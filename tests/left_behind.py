"""After the suite: what its servers left behind is searched for the canary, and so is what they logged.

Data folders only: journals and their snapshots, views, access.db, logs. A secret that is found fails the run.
"""

import os
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

from tests.canary import CANARY, found_in

SEARCH_S_MAX: Final = 60.0
CHUNK_BYTES: Final = 8 << 20
OVERLAP_BYTES: Final = 256
LEFT: Final = ("*.db", "*.db-wal", "*.db-shm", "*.jsonl", "*.jsonl.*", "anchor", "kill.flag")
FOLDERS: Final = frozenset({"snapshots", "instruments"})


class LeftBehind:
    """A plugin of the process that runs, or hands out, the whole suite."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.complaints: list[str] = []
        self._said = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """What a test wrote and logged."""
        if any(found_in(text.encode()) for _, text in report.sections):
            self.complaints.append(f"{report.nodeid} wrote or logged it")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Search, and fail the run where something is found."""
        factory = getattr(self._config, "_tmp_path_factory", None)
        if factory is None:
            return
        found, searched, left = search(factory.getbasetemp(), SEARCH_S_MAX)
        self.complaints += [str(path) for path in found]
        self._said = f"{searched} files of data folders searched for the canary"
        if left:
            self._said += f"; time was over before {left} others"
        if self.complaints:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was found."""
        if self.complaints:
            terminalreporter.section("a secret was left behind", red=True)
            for complaint in self.complaints:
                terminalreporter.write_line(complaint)
        if self._said:
            terminalreporter.write_line(self._said)


def search(folder: Path, seconds_max: float, secret: str = CANARY) -> tuple[list[Path], int, int]:
    """The files of data folders that hold it; how many were searched, and how many were not."""
    files = list(left_files(folder))
    until = time.monotonic() + seconds_max
    found: list[Path] = []
    for searched, path in enumerate(files):
        if time.monotonic() > until:
            return found, searched, len(files) - searched
        if _holds(path, secret):
            found.append(path)
    return found, len(files), 0


def left_files(folder: Path) -> Iterator[Path]:
    """What a server may have left below a folder. Links are not followed."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        is_kept = not FOLDERS.isdisjoint(Path(place).relative_to(folder).parts)
        for name in sorted(names):
            path = Path(place, name)
            if (is_kept or any(fnmatch(name, one) for one in LEFT)) and not path.is_symlink():
                yield path


def _holds(path: Path, secret: str) -> bool:
    """A file that went away meanwhile, or may not be read any more, holds nothing."""
    try:
        with path.open("rb") as file:
            before = b""
            while part := file.read(CHUNK_BYTES):
                if found_in(before + part, secret):
                    return True
                before = part[-OVERLAP_BYTES:]
    except OSError:
        pass
    return False
