"""The search finds what a slow look at every instrument finds, in the same order."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.instruments import Instrument, InstrumentIndex
from phalanx.domain.numbers import whole
from phalanx.market.finding import vocabulary
from phalanx.market.finding.finder import Finder
from phalanx.market.finding.search import SearchIndex, place_of
from phalanx.market.finding.words import found_by, leading_words, words_of

LETTERS = st.text("AB1&-. ", min_size=1, max_size=6)
SYMBOLS = LETTERS.map(str.strip).filter(bool)
EXPIRIES = ["", "2026-12-03", "2026-11-26", "2024-12-26"]


def _instrument(
    token: int, symbol: str, name: str, expiry: str, strike: int, exchange: str
) -> Instrument:
    return Instrument(
        f"{exchange}:{token}",
        exchange,
        str(token),
        symbol,
        "EQ",
        whole(1),
        whole(1),
        isin="INE009A01021" if not expiry else "",
        expiry=expiry,
        strike=whole(strike) if expiry else 0,
        right="CE" if expiry else "",
        name=name,
    )


INSTRUMENTS = st.lists(
    st.builds(
        _instrument,
        st.integers(1, 130),
        SYMBOLS,
        st.one_of(st.just(""), LETTERS),
        st.sampled_from(EXPIRIES),
        st.integers(1, 13),
        st.sampled_from(["NSE", "BSE"]),
    ),
    max_size=25,
    unique_by=lambda one: one.key,
)
ALIASES = st.dictionaries(LETTERS, LETTERS, max_size=3)
QUERIES = st.one_of(
    LETTERS,
    st.lists(
        st.sampled_from(
            ["A", "AB", "B1", "1", "12", "03", "3", "dec", "2", "26", "ce", "nse", "x"]
        ),
        min_size=1,
        max_size=4,
    ).map(" ".join),
    st.sampled_from(["NSE:1", "bse:12", "INE009A01021", "ine009", "&", "?", "A" * 200]),
)


def _rank(one: Instrument, aliases: list[str], query: str) -> int | None:
    """As `search` says it, of one instrument."""
    folded, words = query.strip().casefold(), words_of(query)
    has, leads = set(found_by(one, aliases)), set(leading_words(one, aliases))
    names = {*aliases, one.token, one.key, one.isin or "none"}
    if one.symbol.casefold() == folded:
        return 0
    if folded in {name.casefold() for name in names}:
        return 1
    if not words:
        return None
    has_all = has.issuperset(words)
    begins_all = all(any(other.startswith(word) for other in has) for word in words)
    if has_all and words[0] in leads:
        return 2
    if begins_all and any(lead.startswith(words[0]) for lead in leads):
        return 3
    if has_all:
        return 4
    if begins_all:
        return 5
    is_inside = len(words) == 1 and any(words[0] in other for other in has)
    return 6 if is_inside else None


def _scan(
    instruments: Iterable[Instrument], aliases: dict[str, str], query: str
) -> list[Instrument]:
    ranked = []
    for one in instruments:
        rank = _rank(one, [alias for alias, to in aliases.items() if to == one.symbol], query)
        if rank is not None:
            ranked.append((rank, place_of(one), one))
    ranked.sort(key=lambda found: found[:2])
    return [one for _, _, one in ranked]


@pytest.mark.parametrize("listed_max", [0, 3, 1_024])
def test_a_search_is_equal_to_a_slow_scan(listed_max: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "LISTED_MAX", listed_max)

    @given(INSTRUMENTS, ALIASES, QUERIES, st.integers(1, 30))
    def check(
        instruments: list[Instrument], aliases: dict[str, str], query: str, limit: int
    ) -> None:
        index = InstrumentIndex(instruments, aliases)
        found = [one.instrument for one in SearchIndex(index).find(query, limit)]
        assert found == _scan(instruments, aliases, query)[:limit] or not query.strip()

    check()


@given(INSTRUMENTS, INSTRUMENTS, ALIASES, QUERIES, st.integers(1, 30))
def test_local_ones_are_found_among_the_others(
    listed: list[Instrument],
    local: list[Instrument],
    aliases: dict[str, str],
    query: str,
    limit: int,
) -> None:
    own = [
        _instrument(int(one.token), one.symbol, one.name, one.expiry, 1, "LOCAL") for one in local
    ]
    own = list({one.key: one for one in own}.values())
    found = Finder().find(InstrumentIndex(listed, aliases), query, limit, tuple(own))

    assert found == _scan([*listed, *own], aliases, query)[:limit] or not query.strip()


@given(INSTRUMENTS)
def test_everything_is_found_by_its_token_its_key_and_each_beginning_of_its_symbol(
    instruments: list[Instrument],
) -> None:
    search = SearchIndex(InstrumentIndex(instruments))
    for one in instruments:
        words = words_of(one.symbol)
        starts = [words[0][:length] for length in range(1, len(words[0]) + 1)] if words else []
        for query in (one.token, one.key, one.symbol, *starts):
            if query.strip():
                assert one in [found.instrument for found in search.find(query, 100)], query
