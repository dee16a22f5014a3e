"""Files that a command reads or writes for its caller; all of them bounded."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from phalanx.cli.exit_codes import Exit, Failure


def read_bounded(path: Path, bytes_max: int) -> bytes:
    """A file's bytes; ``-`` is the standard input. Raises Failure FILE_NOT_READABLE, FILE_TOO_LARGE."""
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(bytes_max + 1)
        else:
            with path.open("rb") as file:
                content = file.read(bytes_max + 1)
    except OSError as error:
        detail = f"{path}: {error.strerror or error}"
        raise Failure(Exit.USAGE, "FILE_NOT_READABLE", detail) from None
    if len(content) > bytes_max:
        raise Failure(Exit.USAGE, "FILE_TOO_LARGE", f"{path} has more than {bytes_max} bytes")
    return content


@contextmanager
def whole_file(path: Path) -> Iterator[Callable[[bytes], object]]:
    """Write a file piece by piece; it has its name only when it is complete.

    Raises Failure FILE_NOT_WRITTEN.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            yield file.write
        draft.replace(path)
    except OSError as error:
        detail = f"{path}: {error.strerror or error}"
        raise Failure(Exit.FAILURE, "FILE_NOT_WRITTEN", detail) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a file under its name only when it is complete. Raises Failure FILE_NOT_WRITTEN."""
    with whole_file(path) as write:
        write(text.encode())
