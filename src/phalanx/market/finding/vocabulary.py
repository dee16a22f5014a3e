"""Which of many things have a word, a word that begins so, or one that has this in it.

A set of things is an integer with a bit for each: and, or, and what is left are one operation on it.
Words of few things list them. Where the words with a common beginning have more than LISTED_MAX things
together, their set is made in advance; so no answer puts together more than that many.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TypeAlias

Things: TypeAlias = int
"""A set of things: bit ``n`` stands for the n-th."""

NONE: Things = 0
LISTED_MAX = 1_024
PARTS_MAX = 4_096
"""So many things are gathered at most from the words that have a text inside them."""
_LAST = "\U0010ffff"
_BREAK = "\n"


class Vocabulary:
    """The words of ``count`` things. Made once, of (thing, its words) by rising thing; never changed."""

    __slots__ = ("_bytes", "_ends", "_starts", "_text", "_things", "_wide", "_words")

    def __init__(self, things: Iterable[tuple[int, Iterable[str]]], count: int) -> None:
        self._bytes = count // 8 + 1
        listed = _listed(things)
        self._words = sorted(listed)
        # One row of numbers: what a common beginning leads to lies together in it.
        self._things = array("I")
        self._ends = array("Q", (0,))
        for word in self._words:
            self._things.extend(listed.pop(word))
            self._ends.append(len(self._things))
        self._wide: dict[str, Things] = {}
        self._widen("", 0, len(self._words))
        self._text = _BREAK.join(self._words)
        lengths = (len(word) + 1 for word in self._words)
        self._starts = array("Q", accumulate(lengths, initial=0))

    def whole(self, word: str) -> Things:
        """Those that have this very word."""
        at = bisect_left(self._words, word)
        if at == len(self._words) or self._words[at] != word:
            return NONE
        return self._gathered(at, at + 1)

    def beginning(self, start: str) -> Things:
        """Those that have a word that begins so."""
        wide = self._wide.get(start)
        if wide is not None:
            return wide
        return self._gathered(*self._range(start))

    def containing(self, part: str) -> Things:
        """Those that have a word with this in it; of the words, by the alphabet, only as many as have
        PARTS_MAX things together.
        """
        gathered = array("I")
        at = self._text.find(part)
        while at >= 0:
            place = bisect_right(self._starts, at) - 1
            more = self._of(place, place + 1)
            if len(gathered) + len(more) > PARTS_MAX:
                break
            gathered.extend(more)
            at = self._text.find(part, self._starts[place + 1])
        return self._set(gathered)

    def _range(self, start: str) -> tuple[int, int]:
        first = bisect_left(self._words, start)
        return first, bisect_left(self._words, start + _LAST, first)

    def _gathered(self, first: int, end: int) -> Things:
        """The things of the words from ``first`` up to ``end``."""
        if first == end:
            return NONE
        if end - first == 1 and self._count(first, end) > LISTED_MAX:
            return self._wide[_whole_key(self._words[first])]
        return self._set(self._of(first, end))

    def _count(self, first: int, end: int) -> int:
        return self._ends[end] - self._ends[first]

    def _of(self, first: int, end: int) -> "array[int]":
        return self._things[self._ends[first] : self._ends[end]]

    def _set(self, things: "array[int]") -> Things:
        bits = bytearray(self._bytes)
        for thing in things:
            bits[thing >> 3] |= 1 << (thing & 7)
        return int.from_bytes(bits, "little")

    def _widen(self, start: str, first: int, end: int) -> Things:
        """The set of the words from ``first`` to ``end``, all of which begin with ``start``; it is kept, as
        are those of every longer beginning, where they have many things.
        """
        if self._count(first, end) <= LISTED_MAX:
            return self._set(self._of(first, end))
        found, place = NONE, first
        if self._words[place] == start:
            found = self._set(self._of(place, place + 1))
            if self._count(place, place + 1) > LISTED_MAX:
                self._wide[_whole_key(start)] = found
            place += 1
        while place < end:
            longer = self._words[place][: len(start) + 1]
            next_place = bisect_left(self._words, longer + _LAST, place, end)
            part = self._widen(longer, place, next_place)
            # Where one beginning leads to one set only, it is the same integer, kept once.
            found = part if found == NONE else found | part
            place = next_place
        if start:
            self._wide[start] = found
        return found


def members(things: Things) -> Iterator[int]:
    """The things of a set, by rising number."""
    length = things.bit_length() // 64 + 1
    blocks = memoryview(things.to_bytes(length * 8, "little")).cast("Q")
    for place, block in enumerate(blocks):
        left = block
        while left:
            lowest = left & -left
            yield place * 64 + lowest.bit_length() - 1
            left ^= lowest


def _whole_key(word: str) -> str:
    """Where the set of one whole word is kept, beside those of beginnings."""
    return word + _BREAK


def _listed(things: Iterable[tuple[int, Iterable[str]]]) -> "dict[str, array[int]]":
    """The things of each word, once each."""
    listed: dict[str, array[int]] = {}
    for thing, words in things:
        for word in words:
            known = listed.get(word)
            if known is None:
                listed[word] = array("I", (thing,))
            elif known[-1] != thing:
                known.append(thing)
    return listed
