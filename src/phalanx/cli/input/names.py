"""Words of a command line that are more than a word: files, ``NAME=VALUE``, paths of the HTTP doors."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from phalanx.cli.exit_codes import Exit, Failure

FILE_ENDINGS = (".csv", ".txt")


def at(path: str, *parts: str) -> str:
    """A door's path with names in it, each staying inside its own part."""
    return "/".join((path, *(quote(part, safe="") for part in parts)))


def is_file(word: str) -> bool:
    """Whether a word means a file and not a name: ``-``, or anything with ``/``, ``.csv``, ``.txt``."""
    return word == "-" or "/" in word or word.lower().endswith(FILE_ENDINGS)


def pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """``NAME=VALUE`` words. Raises Failure USAGE for a word without either."""
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise Failure(Exit.USAGE, "USAGE", f"{word[:64]!r} is not of the form NAME=VALUE")
        yield name, value
