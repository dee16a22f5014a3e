"""The doctor's checks: each looks at one thing and says what it saw. None changes anything."""

import fcntl
import importlib.metadata
import os
import platform
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.client import Server
from phalanx.cli.remote.documents import decode_as

PYTHON_MIN = (3, 11)
SPACE_FAIL_BYTES = 100 * 1024 * 1024
SPACE_WARN_BYTES = 1024 * 1024 * 1024
SYNC_WARN_MS = 20.0
SYNC_BYTES = 4_096
SYNC_TRIES = 9
CLOCK_SLACK_S = 2.0
SERVER_TIMEOUT_S = 3.0

_PACKAGE = re.compile(r"[A-Za-z0-9._-]+")


class Verdict(StrEnum):
    """``warn``: it works, and somebody should know."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    """What one check saw."""

    name: str
    verdict: Verdict
    detail: str


def examine(data: Path, host: str, port: int, there: Server) -> list[Finding]:
    """All checks, in the order in which they matter."""
    return [
        python(),
        packages(),
        folder(data),
        space(data),
        sync(data),
        clock(data),
        lock(data),
        free_port(host, port),
        *server(there),
    ]


def python() -> Finding:
    """The interpreter."""
    version = f"{platform.python_implementation()} {platform.python_version()}"
    fits = sys.version_info >= PYTHON_MIN
    wanted = "" if fits else f", at least {'.'.join(map(str, PYTHON_MIN))} is needed"
    return Finding("python", Verdict.OK if fits else Verdict.FAIL, version + wanted)


def packages() -> Finding:
    """Everything that Phalanx says it requires is installed."""
    found, missing = [], []
    for requirement in importlib.metadata.requires("phalanx") or ():
        _, _, marker = requirement.partition(";")
        match = _PACKAGE.match(requirement)
        if match is None or "extra" in marker or ("win32" in marker and sys.platform == "win32"):
            continue
        try:
            found.append(f"{match.group()} {importlib.metadata.version(match.group())}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(match.group())
    if missing:
        return Finding("packages", Verdict.FAIL, f"not installed: {', '.join(missing)}")
    return Finding("packages", Verdict.OK, ", ".join(found))


def folder(data: Path) -> Finding:
    """The data folder can be written, or made."""
    place = _existing(data)
    if not place.is_dir():
        return Finding("data", Verdict.FAIL, f"{place} is not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        return Finding("data", Verdict.FAIL, f"{place} cannot be written")
    text = f"{data} is there" if place == data else f"{data} will be made at the first start"
    return Finding("data", Verdict.OK, text)


def space(data: Path) -> Finding:
    """Room on the disk of the data folder."""
    free = shutil.disk_usage(_existing(data)).free
    text = f"{free / 1024**3:.1f} GiB free"
    if free < SPACE_FAIL_BYTES:
        return Finding("space", Verdict.FAIL, f"{text}: the journal would soon have no room")
    return Finding("space", Verdict.OK if free >= SPACE_WARN_BYTES else Verdict.WARN, text)


def sync(data: Path) -> Finding:
    """How long the disk takes to make 4 KiB durable: every order waits for that."""
    try:
        with tempfile.TemporaryFile(dir=_existing(data)) as file:
            times = sorted(_sync_ms(file.fileno()) for _ in range(SYNC_TRIES))
    except OSError as error:
        return Finding("sync", Verdict.FAIL, f"cannot be measured: {error.strerror or error}")
    median = times[len(times) // 2]
    verdict = Verdict.OK if median <= SYNC_WARN_MS else Verdict.WARN
    return Finding("sync", verdict, f"{median:.2f} ms (slowest {times[-1]:.2f} ms)")


def _sync_ms(descriptor: int) -> float:
    os.pwrite(descriptor, os.urandom(SYNC_BYTES), 0)
    began = time.perf_counter_ns()
    os.fsync(descriptor)
    return (time.perf_counter_ns() - began) / 1e6


def clock(data: Path) -> Finding:
    """The wall clock is not behind what was written already."""
    now = time.time()
    newest = max((path.stat().st_mtime for path in _journal_files(data)), default=0.0)
    zone = time.strftime("%Y-%m-%d %H:%M:%S %z")
    if newest > now + CLOCK_SLACK_S:
        text = f"{zone} is {newest - now:.0f} s before the last write to the journal"
        return Finding("clock", Verdict.FAIL, text)
    return Finding("clock", Verdict.OK, zone)


def lock(data: Path) -> Finding:
    """Who holds the data folder."""
    path = data / "lock"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Finding("lock", Verdict.OK, "nobody holds the data folder")
    except OSError as error:
        return Finding("lock", Verdict.WARN, f"{path}: {error.strerror or error}")
    try:
        # A shared lock, for a moment: what does not get it meets the exclusive one of a server.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return Finding("lock", Verdict.OK, f"held by process {pid or 'unknown'}")
    finally:
        os.close(descriptor)
    return Finding("lock", Verdict.OK, "nobody holds the data folder")


def free_port(host: str, port: int) -> Finding:
    """The port can be had, or is in use (by our server, one hopes)."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(*found[:3]) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(found[4])
    except OSError as error:
        return Finding("port", Verdict.WARN, f"{port} of {host}: {error.strerror or error}")
    return Finding("port", Verdict.OK, f"{port} of {host} is free")


def server(there: Server) -> list[Finding]:
    """A server answers, and is ready; then how its books are, if we may know."""
    url = there.url
    try:
        with there:
            there.read("/health/live")
            ready = there.read("/health/ready")
            found = _books(there, ready)
    except Failure as failure:
        if failure.exit_code is Exit.NOT_ALLOWED:
            unseen = Finding("books", Verdict.WARN, f"not looked at: {failure.detail}")
            return [Finding("server", Verdict.OK, f"{url} answers"), unseen]
        if failure.exit_code is Exit.UNREACHABLE:
            return [Finding("server", Verdict.WARN, f"none at {url}")]
        return [Finding("server", Verdict.WARN, f"{url} is not ready: {failure.detail}")]
    return [Finding("server", Verdict.OK, f"ready at {url}"), found]


class _Closed(msgspec.Struct, frozen=True):
    account: str
    reason: str


class _Ready(msgspec.Struct, frozen=True):
    accounts: tuple[_Closed, ...] = ()
    accounts_closed: int = 0


class _Total(msgspec.Struct, frozen=True):
    total: int


def _books(there: Server, ready: bytes) -> Finding:
    """Every account is open, and no difference from a broker's books is waiting for somebody."""
    closed = decode_as(ready, _Ready)
    total = decode_as(there.read("/api/v1/breaks", {"limit": 1}), _Total).total
    said = [f"{total:,} open break{'s' * (total > 1)}: phalanx breaks"] if total else []
    if closed.accounts:
        first = closed.accounts[0]
        count = f"accounts that are not open: {closed.accounts_closed:,}"
        said.insert(0, f"{count}, {first.account} because {first.reason}")
    if said:
        return Finding("books", Verdict.WARN, "; ".join(said))
    return Finding("books", Verdict.OK, "every account is open, and no break is")


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return path if place == path.absolute() else place


def _journal_files(data: Path) -> Iterator[Path]:
    journal = data / "journal"
    return (path for path in journal.iterdir() if path.is_file()) if journal.is_dir() else iter(())
