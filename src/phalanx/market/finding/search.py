"""A search over one master: what is found, in which order.

What matches better comes first:

0. the symbol is the query,
1. an alias, the token, ``EXCHANGE:TOKEN`` or the ISIN is the query,
2. it has every word of the query, and its symbol or an alias begins with the first of them,
3. as 2, but words that begin like those of the query count as well,
4. it has every word of the query (`words.found_by` says which it has),
5. it has a word that begins like each of the query's,
6. the query is one word, and stands inside one of its words.

What matches as well comes by its expiry (what has none first), then short symbols first, then by the
alphabet; so the order of two never depends on what else there is.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

from phalanx.domain.instruments import Instrument, InstrumentIndex
from phalanx.market.finding.names import WholeNames
from phalanx.market.finding.vocabulary import NONE, Things, Vocabulary, members
from phalanx.market.finding.words import WORDS_MAX, found_by, leading_words, words_of

Place: TypeAlias = tuple[str, int, str, str]
"""Where an instrument stands among those that match as well."""
_SYMBOL, _NAME, _WORDS = 0, 1, 2


class Found(NamedTuple):
    """An instrument that matches, its rank from 0 (see above), and its place there."""

    rank: int
    place: Place
    instrument: Instrument


class SearchIndex:
    """Finds instruments of one master by words. Immutable; a new master is a new one.

    Making it for 150,000 instruments takes seconds: not on the loop. `docs/benchmarks.md` says how
    many, and how much memory it has.
    """

    __slots__ = ("_all", "_leading", "_names", "_words", "index")

    def __init__(self, index: InstrumentIndex) -> None:
        self.index = index
        self._all = sorted(index, key=place_of)
        named: dict[str, list[str]] = {}
        for alias, symbol in index.aliases.items():
            named.setdefault(symbol, []).append(alias)
        self._names = WholeNames(self._all, index.aliases)
        count = len(self._all)
        numbered = list(enumerate(self._all))
        self._words = Vocabulary(
            ((at, found_by(one, named.get(one.symbol, ()))) for at, one in numbered), count
        )
        self._leading = Vocabulary(
            ((at, leading_words(one, named.get(one.symbol, ()))) for at, one in numbered), count
        )

    def find(self, query: str, limit: int) -> list[Found]:
        """At most ``limit`` instruments, best first. A query without any word finds names only."""
        found: list[Found] = []
        seen = NONE
        for rank, things in self._ranks(query.strip()):
            new = things & ~seen
            seen |= new
            for at in islice(members(new), limit - len(found)):
                one = self._all[at]
                found.append(Found(rank, place_of(one), one))
            if len(found) >= limit:
                break
        return found

    def _ranks(self, query: str) -> Iterator[tuple[int, Things]]:
        """Rank by rank, what matches so; what matched better is among them again."""
        yield _SYMBOL, self._names.symbols(query)
        yield _NAME, self._names.others(query)
        words = words_of(query)[:WORDS_MAX]
        if not words:
            return
        whole, beginning = self._words.whole, self._words.beginning
        has_all = _each(whole, words)
        yield _WORDS, has_all & self._leading.whole(words[0])
        begins_all = _each(beginning, words)
        yield _WORDS + 1, begins_all & self._leading.beginning(words[0])
        yield _WORDS + 2, has_all
        yield _WORDS + 3, begins_all
        if len(words) == 1:
            yield _WORDS + 4, self._words.containing(words[0])


def _each(having: Callable[[str], Things], words: Sequence[str]) -> Things:
    """Those that have it for every word; there is one word at least."""
    found = having(words[0])
    for word in words[1:]:
        if not found:
            break
        found &= having(word)
    return found


def place_of(instrument: Instrument) -> Place:
    """Where it stands among those that match as well."""
    symbol = instrument.symbol
    return instrument.expiry, len(symbol), symbol, instrument.key
