"""What is sent: one line that a phone shows whole, in which no name can be anything but text."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from phalanx.domain.time import Nanoseconds

TEXT_CHARACTERS_MAX: Final = 240
WORDS_CHARACTERS_MAX: Final = 60
_CUT: Final = "\u2026"
# What begins markup, a mention or a link somewhere becomes a look-alike that begins nothing.
_LIKE: Final = str.maketrans(
    {
        "<": "\u2039",
        ">": "\u203a",
        "&": "+",
        "@": "\uff20",
        "*": "\u2217",
        "`": "'",
        "~": "-",
        "|": "/",
        "[": "(",
        "]": ")",
        "#": "No.",
        "\\": "/",
        "_": "-",
    }
)
_UNSEEN: Final = re.compile(
    "[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2066-\u2069\ud800-\udfff]+"
)


class Message(msgspec.Struct, frozen=True):
    """An alert as a channel gets it. ``at``: UTC nanoseconds. ``accounts``: some of those it is about."""

    id: str
    rule: str
    what: str
    subject: str
    text: str
    at: Nanoseconds
    accounts: tuple[str, ...] = ()
    instruction: str = ""


def plain(words: str, characters_max: int = WORDS_CHARACTERS_MAX) -> str:
    """A name or somebody's words, harmless in HTML, Markdown and chats, on one line, not too long."""
    # Of a very long one no more is read than may be left of it.
    return _plain(words[: 4 * characters_max], characters_max)


@lru_cache(2_048)
def _plain(words: str, characters_max: int) -> str:
    """The same names come again and again, and are worded on the loop."""
    told = _UNSEEN.sub(" ", words).strip().replace("://", ":/ ")
    return cut(told.translate(_LIKE), characters_max)


def cut(text: str, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
    """So much of a text, and a sign that there was more."""
    return text if len(text) <= characters_max else text[: characters_max - 1] + _CUT
