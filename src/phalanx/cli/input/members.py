"""Whom a word means: ``PAPER-1``, or ``client:7``, with a number behind ``=`` where one belongs."""

from pathlib import Path

from phalanx.cli.exits import Exit, Failure
from phalanx.cli.input.names import is_file, table_in
from phalanx.cli.input.numbers import typed_number

CLIENT = "client:"


def whom(word: str) -> dict[str, object]:
    """``{"account": …}`` or ``{"client": 7}``. Raises Failure USAGE."""
    if not word.startswith(CLIENT):
        return {"account": word}
    digits = word.removeprefix(CLIENT)
    if not (digits.isascii() and digits.isdigit()):
        raise Failure(Exit.USAGE, "USAGE", f"{word[:64]!r}: a client is a number, as in client:7")
    return {"client": int(digits)}


def members(words: list[str]) -> list[dict[str, object]]:
    """Accounts of a group, from words or from one file (``account`` or ``client``, ``multiplier``)."""
    if len(words) == 1 and is_file(words[0]):
        return _members_in(Path(words[0]))
    return [_member(*_parted(word)) for word in words]


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


def _members_in(path: Path) -> list[dict[str, object]]:
    rows = table_in(path)
    head = [cell.casefold() for cell in rows[0]] if rows else []
    if not {"account", "client"} & set(head):
        return [_member(*_parted(row[0])) for row in rows]
    found = []
    for row in rows[1:]:
        cells = dict(zip(head, row, strict=False))
        name = cells.get("account") or f"{CLIENT}{cells.get('client', '')}"
        found.append(_member(name, cells.get("multiplier", "")))
    return found
