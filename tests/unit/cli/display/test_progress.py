"""A bar where a person looks, nothing where nobody does."""

import io
from decimal import Decimal

import pytest

from phalanx.cli.display.progress import progress, upload
from phalanx.cli.display.screen import Screen, plain
from tests.unit.cli.doubles import Terminal


def test_a_person_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    err = Terminal()
    with upload(Screen(err=err), "importing [red].csv", 200_000) as sent:
        sent(150_000)
        sent(50_000)

    # What comes after the upload has no end that is known: it is a bar of its own.
    _, gone, after = err.getvalue().partition("200,000 of 200,000 bytes")
    assert gone
    assert "importing [red].csv: the server reads it" in after


@pytest.mark.parametrize(
    ("as_json", "err"), [(True, Terminal()), (False, io.StringIO())], ids=["json", "pipe"]
)
def test_nobody_else_does(as_json: bool, err: io.StringIO) -> None:
    with progress(Screen(as_json=as_json, err=err), "waiting", None) as move:
        move(5, "5 filled")

    assert err.getvalue() == ""


def test_a_file_on_a_terminal_cannot_steer_it() -> None:
    out = Terminal()
    Screen(out=out).raw("a,b\r\n\x1b[2Jc,d\r\n")

    assert out.getvalue() == "a,b\n?[2Jc,d\n"


def test_a_sum_has_no_exponent_and_no_zeros_at_its_end() -> None:

    numbers = ("100.50", "1E+3", "0.00000001", "7", "0.000", "-2.50")
    assert [plain(Decimal(text)) for text in numbers] == [
        *("100.5", "1000", "0.00000001", "7", "0", "-2.5"),
    ]
