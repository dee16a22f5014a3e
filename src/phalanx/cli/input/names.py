"""Words of a command line that are more than a word: files, ``NAME=VALUE``, paths of the HTTP doors."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from phalanx.cli.exits import Exit, Failure
from phalanx.cli.input.files import read_bounded

LIST_BYTES_MAX = 8 * 1024 * 1024
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


def table_in(path: Path) -> list[list[str]]:
    """The cells of a CSV file, or of one with a name per line, without empty lines.

    Raises Failure FILE_NOT_READABLE, FILE_TOO_LARGE, NOT_UTF8, BAD_FILE.
    """
    content = read_bounded(path, LIST_BYTES_MAX)
    try:
        lines = content.decode("utf-8-sig").splitlines()
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, strict=True)]
    except UnicodeDecodeError:
        raise Failure(Exit.FAILURE, "NOT_UTF8", f"{path} is not UTF-8") from None
    except csv.Error as error:
        raise Failure(Exit.FAILURE, "BAD_FILE", f"{path}: {error}") from None
    return [row for row in rows if any(row)]


def column_in(path: Path, *titles: str) -> list[str]:
    """The names in a file: the column with one of these titles, or, without a head, the first one."""
    rows = table_in(path)
    if not rows:
        raise Failure(Exit.FAILURE, "BAD_FILE", f"{path} has no names in it")
    head = [cell.casefold() for cell in rows[0]]
    place = next((head.index(title) for title in titles if title in head), None)
    if place is None:
        place, named = 0, rows
    else:
        named = rows[1:]
    return [row[place] for row in named if place < len(row) and row[place]]
