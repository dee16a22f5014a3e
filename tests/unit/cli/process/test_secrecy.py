"""What a server process keeps to itself: asked of a process of its own, since it cannot be taken back."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from phalanx.cli.process.secrecy import own_files_only
from phalanx.cli.process.startup import prepare_folder

ASK = """
import ctypes, os, resource
from phalanx.cli.process.secrecy import close_memory
closed = close_memory()
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
# It still finds its way about itself: its open files are counted for /metrics.
files = len(os.listdir("/proc/self/fd")) > 2
print(closed, dumpable, resource.getrlimit(resource.RLIMIT_CORE), files)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_the_memory_of_a_process_is_closed_and_never_dumped() -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, timeout=60
    )

    assert asked.stdout == "True 0 (0, 0) True\n"


def test_what_is_made_meanwhile_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with own_files_only():
            (tmp_path / "inside").touch(0o666)
        (tmp_path / "outside").touch(0o666)
    finally:
        os.umask(before)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"inside": 0o600, "outside": 0o644}


def test_a_data_folder_is_its_owners(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "data")

    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_folder_that_is_there_keeps_the_mode_that_its_owner_gave_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(0o750)
    prepare_folder(tmp_path / "data")

    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o750
