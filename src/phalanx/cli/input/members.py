"""Whom a word means: ``PAPER-1``, or ``client:7``, with a number behind ``=`` where one belongs."""

from pathlib import Path

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.names import is_file
from phalanx.cli.input.numbers import typed_number
from phalanx.cli.input.sheets import Line, at_line, read_sheet

CLIENT = "client:"


def whom(word: str) -> dict[str, object]:
    """``{"account": …}`` or ``{"client": 7}``. Raises Failure USAGE."""
    if not word.startswith(CLIENT):
        return {"account": word}
    digits = word.removeprefix(CLIENT)
    if not (digits.isascii() and digits.isdigit()):
        raise Failure(Exit.USAGE, "USAGE", f"{word[:64]!r}: a client is a number, as in client:7")
    return {"client": int(digits)}


def members(words: list[str]) -> tuple[list[dict[str, object]], list[int]]:
    """Accounts of a group, from words or from one file (``account`` or ``client``, ``multiplier``); of
    a file also the lines they stand on.
    """
    if len(words) == 1 and is_file(words[0]):
        return _members_in(Path(words[0]))
    return [_member(*_parted(word)) for word in words], []


def quantities(words: list[str]) -> list[dict[str, object]]:
    """``PAPER-1=10`` and ``client:7=0``. Raises Failure USAGE."""
    found: list[dict[str, object]] = []
    for word in words:
        name, quantity = _parted(word)
        if not quantity:
            raise Failure(Exit.USAGE, "USAGE", f"{word[:64]!r} is not of the form ACCOUNT=QUANTITY")
        amount = quantity if quantity == "0" else typed_number(quantity, "--each")
        found.append({**whom(name), "quantity": amount})
    return found


def _member(name: str, multiplier: str) -> dict[str, object]:
    member = whom(name)
    if multiplier:
        member["multiplier"] = typed_number(multiplier, "the multiplier")
    return member


def _parted(word: str) -> tuple[str, str]:
    name, _, number = word.rpartition("=") if "=" in word else (word, "", "")
    return name, number


def _members_in(path: Path) -> tuple[list[dict[str, object]], list[int]]:
    head, lines = read_sheet(path, ("account", "client"))
    found = []
    for line in lines:
        with at_line(line.number):
            found.append(_member_at(head, line))
    return found, [line.number for line in lines]


def _member_at(head: list[str], line: Line) -> dict[str, object]:
    if not head:
        return _member(*_parted(line.cells[0]))
    cells = dict(zip(head, line.cells, strict=False))
    name = cells.get("account") or f"{CLIENT}{cells.get('client', '')}"
    return _member(name, cells.get("multiplier", ""))
