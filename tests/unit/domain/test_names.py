import pytest

from phalanx.domain.names import (
    NOTE_CHARACTERS_MAX,
    fitting,
    fitting_note,
    is_printable,
    is_printable_note,
)


@pytest.mark.parametrize("text", ["", "Holland Proctor", "L&T", "मिन्डा", "a/b:c"])
def test_what_a_terminal_can_show(text: str) -> None:
    assert is_printable(text)


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "\x7f", "\x9b", "\ud800"])
def test_what_could_steer_a_terminal(text: str) -> None:
    assert not is_printable(text)


@pytest.mark.parametrize(
    ("text", "fit"),
    [("ann", "ann"), ("a\nb\x1b[2J", "a?b?[2J"), ("x" * 9, "x" * 7 + "…"), ("x" * 8, "x" * 8)],
)
def test_a_text_from_anywhere_is_made_fit(text: str, fit: str) -> None:
    assert fitting(text, 8) == fit
    assert is_printable(fit)


@pytest.mark.parametrize("text", ["", "two\n\tlines", "x" * NOTE_CHARACTERS_MAX])
def test_a_note_may_have_several_lines(text: str) -> None:
    assert is_printable_note(text)
    assert fitting_note(text) == text


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("a\nb\x1b[2J\r\x7f\x9b", "a\nb?[2J???"),
        ("x" * 501, "x" * 499 + "…"),
        ("\ud800", "?"),
    ],
)
def test_a_note_from_anywhere_is_made_fit(text: str, fit: str) -> None:
    assert fitting_note(text) == fit
    assert is_printable_note(fit)
    assert len(fit) <= NOTE_CHARACTERS_MAX
