"""On what the figures were taken: a figure without it says nothing."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import apsw

PACKAGES = ("msgspec", "uvloop", "uvicorn", "httptools", "apsw")
SYNCS = 50


def describe(folder: Path) -> list[str]:
    """Cores, load, interpreter, versions, and how quick the disk's sync is."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    system = f"{platform.system()} {platform.release()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        f"{cores} cores of {_model()}, load {load:.1f} at the start, {system}",
        f"{python}, {versions}, SQLite {apsw.sqlite_lib_version()}",
        f"one synced write of 4 KiB: {sync_us(folder):.0f} µs",
    ]


def sync_us(folder: Path) -> float:
    """Microseconds of one synced 4 KiB write over an existing block, the median of a few."""
    path = folder / "sync"
    taken = []
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DSYNC)
    try:
        for _ in range(SYNCS):
            begun = time.perf_counter_ns()
            os.pwrite(descriptor, bytes(4096), 0)
            taken.append((time.perf_counter_ns() - begun) / 1_000)
    finally:
        os.close(descriptor)
        path.unlink()
    return median(taken)


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
