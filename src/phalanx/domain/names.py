"""What may be a name: of a client, a strategy, an instrument, a file."""

import re
from typing import Final

NAME_CHARACTERS_MAX: Final = 128

# Control characters, and halves of surrogate pairs, which no journal and no terminal should meet.
_UNWELCOME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def fitting(text: str, characters_max: int) -> str:
    """A text from anywhere, fit to be kept and shown: a ``?`` for what is unwelcome, and cut, with a
    ``…`` at its end, where it is longer than that.
    """
    if len(text) > characters_max:
        text = f"{text[: characters_max - 1]}…"
    return _UNWELCOME.sub("?", text)


def is_printable(text: str) -> bool:
    """Whether a journal may keep, and a terminal show, every character of it."""
    return _UNWELCOME.search(text) is None
