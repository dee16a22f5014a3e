"""The folder where the command line keeps its connections: only its owner reads and writes there."""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from phalanx.cli.exit_codes import Exit, Failure

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
OTHERS: Final = 0o077
FILE_BYTES_MAX: Final = 1024 * 1024
LOCK_PATIENCE_S: Final = 60.0
"""Whoever holds a lock waits for one answer of a server at most, which takes less."""
LOCK_LOOK_S: Final = 0.02


def home() -> Path:
    """``PHALANX_HOME``, else ``$XDG_CONFIG_HOME/phalanx``, else ``~/.config/phalanx``."""
    if own := os.environ.get("PHALANX_HOME"):
        return Path(own)
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    # The specification says that a relative path there is none.
    return (base if base.is_absolute() else Path.home() / ".config") / "phalanx"


def make_private(folder: Path) -> None:
    """Make a folder that is its owner's alone, or see that it is.

    Raises Failure NOT_PRIVATE, FILE_NOT_WRITTEN.
    """
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        check_private(folder.stat(), folder)
    except OSError as error:
        raise not_written(folder, error) from None


def read_private(path: Path) -> bytes | None:
    """A file's bytes, None where there is none. Raises Failure NOT_PRIVATE, FILE_NOT_READABLE."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _not_readable(path, error) from None
    try:
        # Of the open file, not of the path: nobody can put another one there meanwhile.
        check_private(os.fstat(descriptor), path)
        check_private(path.parent.stat(), path.parent)
        return os.read(descriptor, FILE_BYTES_MAX)
    except OSError as error:
        raise _not_readable(path, error) from None
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes) -> None:
    """Put a file there, whole or not at all, and for its owner only. Raises Failure FILE_NOT_WRITTEN."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(beside, flags, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        beside.replace(path)
    except OSError as error:
        raise not_written(path, error) from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone, among all processes and threads of this machine.

    Raises Failure CONNECTION_BUSY, FILE_NOT_WRITTEN.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise not_written(path, error) from None
    try:
        _take(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def check_private(found: os.stat_result, path: Path) -> None:
    """Raises Failure NOT_PRIVATE where somebody else owns it, or may read or write it."""
    is_folder = stat.S_ISDIR(found.st_mode)
    if found.st_uid != os.geteuid():
        detail = f"{path} belongs to somebody else; secrets are kept in files of your own"
    elif found.st_mode & OTHERS:
        mode = FOLDER_MODE if is_folder else FILE_MODE
        detail = (
            f"{path} is open to others; what is in it may be known. Then: chmod {mode:o} {path}"
        )
    else:
        return
    raise Failure(Exit.NOT_ALLOWED, "NOT_PRIVATE", detail)


def not_written(path: Path, error: OSError) -> Failure:
    """What is kept there could not be written."""
    return Failure(Exit.FAILURE, "FILE_NOT_WRITTEN", f"{path}: {error.strerror or error}")


def _not_readable(path: Path, error: OSError) -> Failure:
    return Failure(Exit.FAILURE, "FILE_NOT_READABLE", f"{path}: {error.strerror or error}")


def _take(descriptor: int, path: Path) -> None:
    until = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                detail = f"another process holds {path}"
                raise Failure(Exit.FAILURE, "CONNECTION_BUSY", detail) from None
            time.sleep(LOCK_LOOK_S)
        else:
            return
