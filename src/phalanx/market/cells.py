"""Cells of a CSV that a spreadsheet may open: texts that would run as formulas are made harmless.

A cell that a spreadsheet would run as a formula is written with a ``'`` in front, unless it is a
plain number; ``restored`` takes that away again, so an export may be sent back as an import.
"""

import re

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)


def neutralized(text: str) -> str:
    """A text as a cell: with a ``'`` in front where a spreadsheet would run it as a formula.

    A text that has such a ``'`` of its own gets another one, so that ``restored`` finds it again.
    """
    if text.lstrip("'").startswith(_FORMULA) and _NUMBER.fullmatch(text) is None:
        return f"'{text}"
    return text


def restored(cell: str) -> str:
    """The text that ``neutralized`` made this cell of."""
    if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA):
        return cell[1:]
    return cell
