"""What may be a name: of a client, a strategy, an instrument, a file. And what may be a note."""

import re
from typing import Final

NAME_CHARACTERS_MAX: Final = 128
NOTE_CHARACTERS_MAX: Final = 500

# Control characters, and halves of surrogate pairs, which no journal and no terminal should meet.
_UNWELCOME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# The same, but for the tab and the end of a line.
_UNWELCOME_IN_NOTE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def fitting(text: str, characters_max: int) -> str:
    """A text from anywhere, fit to be kept and shown: a ``?`` for what is unwelcome, and cut, with a
    ``…`` at its end, where it is longer than that.
    """
    return _UNWELCOME.sub("?", _cut(text, characters_max))


def fitting_note(text: str) -> str:
    """A note from anywhere, made fit in the same way; its lines may break."""
    return _UNWELCOME_IN_NOTE.sub("?", _cut(text, NOTE_CHARACTERS_MAX))


def is_printable(text: str) -> bool:
    """Whether a journal may keep, and a terminal show, every character of it."""
    return _UNWELCOME.search(text) is None


def is_printable_note(text: str) -> bool:
    """As `is_printable`, of a text whose lines may break."""
    return _UNWELCOME_IN_NOTE.search(text) is None


def _cut(text: str, characters_max: int) -> str:
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"
