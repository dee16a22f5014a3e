import pytest

from phalanx.simulation.invariants.named import CHECKED, Invariant, Violation, holds


def test_what_does_not_hold_is_told_by_its_name() -> None:
    with pytest.raises(Violation, match=r"LOTS: there are 3") as caught, holds(Invariant.LOTS):
        raise AssertionError("there are 3")

    assert caught.value.invariant is Invariant.LOTS


def test_without_a_message_the_line_is_told() -> None:
    with pytest.raises(Violation) as caught, holds(Invariant.CASH):
        raise AssertionError

    assert caught.value.what == "raise AssertionError"


def test_the_innermost_name_counts() -> None:
    with (
        pytest.raises(Violation) as caught,
        holds(Invariant.LOTS),
        holds(Invariant.CASH),
    ):
        raise AssertionError("below zero")

    assert caught.value.invariant is Invariant.CASH


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), holds(Invariant.LOTS):
        raise KeyError("x")


def test_every_look_is_counted() -> None:
    before = CHECKED[Invariant.HOLDS]

    with holds(Invariant.HOLDS):
        pass

    assert CHECKED[Invariant.HOLDS] == before + 1


def test_every_invariant_has_a_sentence_of_its_own() -> None:
    assert len(Invariant.__members__) == len(set(Invariant))
    assert all(one.value.endswith(".") and one.value[0].isupper() for one in Invariant)
