"""Words of others in an alert: they are text and nothing else, on one line, and not too long."""

import pytest

from phalanx.alerts.message import TEXT_CHARACTERS_MAX, cut, plain


@pytest.mark.parametrize(
    "words",
    [
        "<b>bold</b><script>alert(1)</script>",
        "@everyone <!channel> <@U123>",
        "*bold* _it_ ~gone~ `code` ||spoiler|| [x](http://evil.example)",
        "# title\n> quote\n- item",
        "&lt;b&gt; &amp;",
        "a\\*b",
    ],
)
def test_no_markup_or_mention_is_left(words: str) -> None:
    assert not set(plain(words, 200)) & set("<>&@*_~`|[]#\\\n\r\t")
    assert "://" not in plain(words, 200)


def test_what_is_not_seen_is_no_part_of_it() -> None:
    assert plain("a\x00b\u202ec\u200b\ud800d\r\n e ") == "a b c d e"


def test_names_stay_what_they_are() -> None:
    assert plain("Oaklee Wagner (2), M&M's") == "Oaklee Wagner (2), M+M's"
    assert plain("ब्रोकर बंद") == "ब्रोकर बंद"


def test_long_words_are_cut() -> None:
    assert len(plain("x" * 100_000)) == 60
    assert plain("x" * 61).endswith("\u2026")
    assert cut("x" * TEXT_CHARACTERS_MAX) == "x" * TEXT_CHARACTERS_MAX
    assert len(cut("x" * 1_000)) == TEXT_CHARACTERS_MAX
