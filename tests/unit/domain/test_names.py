import pytest

from phalanx.domain.names import fitting, is_printable


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
