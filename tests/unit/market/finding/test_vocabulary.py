"""Sets of things by words, around the number from which sets are made in advance."""

import pytest

from phalanx.market.finding import vocabulary
from phalanx.market.finding.vocabulary import NONE, Vocabulary, members

WORDS = {0: ["nifty", "ce"], 1: ["nifty", "pe"], 2: ["nifty50"], 3: ["n"], 9: ["ce", "ce", "50"]}


@pytest.fixture(params=[0, 1, 2, 3, 100])
def words(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Vocabulary:
    monkeypatch.setattr(vocabulary, "LISTED_MAX", request.param)
    return Vocabulary(WORDS.items(), 10)


def test_a_whole_word(words: Vocabulary) -> None:
    assert list(members(words.whole("nifty"))) == [0, 1]
    assert list(members(words.whole("ce"))) == [0, 9]
    assert list(members(words.whole("n"))) == [3]
    assert words.whole("nift") == words.whole("z") == words.whole("") == NONE


def test_the_beginning_of_a_word(words: Vocabulary) -> None:
    assert list(members(words.beginning("n"))) == [0, 1, 2, 3]
    assert list(members(words.beginning("nif"))) == [0, 1, 2]
    assert list(members(words.beginning("nifty5"))) == [2]
    assert words.beginning("nifty500") == words.beginning("a") == words.beginning("zz") == NONE


def test_the_inside_of_a_word(words: Vocabulary) -> None:
    assert list(members(words.containing("e"))) == [0, 1, 9]
    assert list(members(words.containing("50"))) == [2, 9]
    assert list(members(words.containing("nifty"))) == [0, 1, 2]
    assert words.containing("q") == NONE


def test_from_words_with_a_text_inside_only_so_many_things_are_gathered(
    words: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "PARTS_MAX", 3)

    # By the alphabet: n, then nifty with two, then nifty50, which is one too many.
    assert list(members(words.containing("n"))) == [0, 1, 3]


def test_no_words_at_all() -> None:
    nothing = Vocabulary((), 0)

    assert nothing.whole("a") == nothing.beginning("a") == nothing.containing("a") == NONE


def test_the_members_of_a_set_come_by_rising_number() -> None:
    numbers = [0, 7, 8, 63, 64, 65, 1_000]

    assert list(members(sum(1 << number for number in numbers))) == numbers
    assert list(members(NONE)) == []
