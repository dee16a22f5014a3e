import pytest

from phalanx.simulation.faults import runner
from phalanx.simulation.faults.options import Options, draw
from phalanx.simulation.faults.runner import Failure, Told, Totals, examine, run_seeds, tell
from phalanx.simulation.faults.story import Story
from phalanx.simulation.invariants.named import Invariant, Violation
from phalanx.simulation.loop import Deadlock


def fails_with_crashes(options: Options, *, traced: bool = False) -> Told:
    failure = Failure("LOTS", "", "") if options.crashes else None
    return Told(options.seed, failure, trace=("step",) if traced else ())


def test_the_least_that_fails_keeps_what_the_failure_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "tell", fails_with_crashes)
    options = next(o for o in map(draw, range(100)) if o.crashes > 1 and o.incidents and o.outside)

    examined = examine(options)

    assert examined.smallest.crashes == 1
    assert (examined.smallest.incidents, examined.smallest.outside) == (0, 0)
    assert examined.told.trace == ("step",)


@pytest.mark.parametrize(
    ("error", "invariant", "what"),
    [
        (Violation(Invariant.LOTS, "three"), "LOTS", "three"),
        (Deadlock("nobody moves"), "PROGRESS", "nobody moves"),
        (AssertionError("negative hold"), "ASSERTION", "negative hold"),
        (ValueError("odd"), "ERROR", "odd"),
    ],
)
def test_whatever_goes_wrong_is_told_with_its_name(
    monkeypatch: pytest.MonkeyPatch, error: Exception, invariant: str, what: str
) -> None:
    async def fail(story: Story) -> None:
        raise error

    monkeypatch.setattr(Story, "tell", fail)

    told = tell(draw(1))

    assert told.failure is not None
    assert told.failure.invariant == invariant
    assert what in told.failure.what


def test_totals_add_up_and_keep_who_failed() -> None:
    totals = Totals()

    totals.add(Told(1, None, 10, 2, 5, 7, {"reset": 1}))
    totals.add(Told(2, Failure("LOTS", "", ""), 4, 0, 5, 7, {"reset": 2}))

    assert (totals.seeds, totals.orders, totals.crashes) == (2, 14, 2)
    assert totals.faults == {"reset": 3}
    assert [told.seed for told in totals.failed] == [2]


def test_seeds_over_processes_are_told_in_order_and_alike() -> None:
    alone, together = list(run_seeds(range(30, 34))), list(run_seeds(range(30, 34), jobs=2))

    assert [told.seed for told in together] == [30, 31, 32, 33]
    assert alone == together
