"""Fields that nobody may see: asked for without echo, or lines of a pipe; never options or arguments."""

import getpass
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.files import read_bounded
from phalanx.domain.secrets import Secret

BYTES_MAX: Final = 256 * 1024


def secret_fields(names: Sequence[str]) -> dict[str, Secret]:
    """The fields by name, at least one. On a terminal the ``names`` are asked for, or any; from a pipe come
    ``name=value`` lines. Raises Failure USAGE, NOT_UTF8, FILE_TOO_LARGE, with no word of what was read.
    """
    if sys.stdin.isatty():
        pairs = _asked(names)
    elif names:
        raise _usage("--field is for a terminal; lines of the standard input name their fields")
    else:
        pairs = _lines()
    found: dict[str, Secret] = {}
    for where, name, value in pairs:
        if name in found:
            raise _usage(f"{where} names a field that was there before")
        found[name] = value
    if not found:
        raise _usage("a credential has at least one field")
    return found


def _asked(names: Sequence[str]) -> Iterator[tuple[str, str, Secret]]:
    for name in names or _names():
        yield f"--field {name}", name, Secret(getpass.getpass(f"{name} (not shown): "))


def _names() -> Iterator[str]:
    """Names, until an empty one."""
    while True:
        print("field (empty: that is all): ", end="", file=sys.stderr, flush=True)
        name = sys.stdin.readline().strip()
        if not name:
            return
        yield name


def _lines() -> Iterator[tuple[str, str, Secret]]:
    try:
        text = read_bounded(Path("-"), BYTES_MAX).decode()
    except UnicodeDecodeError:
        raise Failure(Exit.USAGE, "NOT_UTF8", "the standard input is not UTF-8") from None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise _usage(f"line {number} is not of the form name=value")
        yield f"line {number}", name.strip(), Secret(value)


def _usage(detail: str) -> Failure:
    return Failure(Exit.USAGE, "USAGE", detail)
