import pytest

from phalanx.market.cells import neutralized, restored


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1", "'=1"),
        ("+5", "'+5"),
        ("-5", "-5"),
        ("-0.5", "-0.5"),
        ("-5.", "'-5."),
        ("--5", "'--5"),
        ("-\u0665", "'-\u0665"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("'=1", "''=1"),
        ("'Bo", "'Bo"),
        (" =1", " =1"),
        ("", ""),
    ],
)
def test_formulas_are_stopped_and_nothing_else(text: str, cell: str) -> None:
    assert neutralized(text) == cell
    assert restored(cell) == text
