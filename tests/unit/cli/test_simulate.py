"""`phalanx simulate faults`: what it prints of stories that hold and of one that does not."""

import json

import pytest

from phalanx.simulation.faults import runner
from phalanx.simulation.faults.options import Options
from phalanx.simulation.faults.runner import Failure, Told
from tests.unit.cli.doubles import run

BROKEN = Failure("LOTS", "The open lots are what was bought.", "3 in lots, 2 bought")


def break_seed(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Every story holds but that one, which has a trace of one step."""

    def tell(options: Options, *, traced: bool = False) -> Told:
        failure = BROKEN if options.seed == seed else None
        trace = ("0.5 command k1",) if traced else ()
        return Told(options.seed, failure, 14, 2, 10**9, 100, {"reset": 1}, trace=trace)

    monkeypatch.setattr(runner, "tell", tell)


def test_stories_that_hold_are_counted() -> None:
    result = run("simulate", "faults", "--seeds", "2", "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (document["from"], document["seeds"], document["failed"]) == (0, 2, [])
    assert document["orders"] > 0
    assert document["seeds_per_s"] > 0
    assert document["checked"]["DISPATCH_FIRST"] > 0
    assert document["failure"] is None


def test_a_seed_that_breaks_something_is_told_with_how_to_run_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    break_seed(monkeypatch, 6)

    result = run("simulate", "faults", "--seeds", "5", "--from", "3")

    assert result.exit_code == 1
    assert "5 seeds from 3" in result.stdout
    assert "reset 5" in result.stdout
    assert "seed 6 fails: LOTS: The open lots are what was bought." in result.stdout
    assert "3 in lots, 2 bought" in result.stdout
    assert "0.5 command k1" in result.stdout
    assert "phalanx simulate faults --seed 6 --verbose" in result.stdout


def test_a_failure_as_json_has_the_least_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    break_seed(monkeypatch, 0)

    result = run("simulate", "faults", "--seeds", "1", "--json")

    failure = json.loads(result.stdout)["failure"]
    assert result.exit_code == 1
    assert (failure["seed"], failure["invariant"]) == (0, "LOTS")
    assert "crashes = 0" in failure["smallest"]
    assert failure["trace"] == ["0.5 command k1"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seed", "4", "--seeds", "2"], "--seed is one story"),
        (["--seed", "4", "--from", "0"], "--seed is one story"),
        (["--verbose", "--seeds", "2"], "--verbose is of a single story"),
        (["--verbose"], "--verbose is of a single story"),
    ],
)
def test_options_that_do_not_go_together_are_usage(words: list[str], said: str) -> None:
    result = run("simulate", "faults", *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_one_seed_shows_all_its_options_and_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    break_seed(monkeypatch, 1)

    result = run("simulate", "faults", "--seed", "4", "--verbose")

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "seed = 4"
    assert any(line.startswith("commit_us = ") for line in lines)
    assert "0.5 command k1" in lines
    assert "seed 4: held; 14 orders, 2 crashes" in result.stdout
