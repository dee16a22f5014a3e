"""What the garbage collector did, as ``/metrics`` tells it."""

import gc

from phalanx.desk.garbage import GarbagePauses
from phalanx.domain.time import MILLISECOND


def told(pauses: GarbagePauses) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels["generation"]): sample.value
        for family in pauses.collect()
        for sample in family.samples
    }


def test_runs_are_counted_and_the_longest_is_kept() -> None:
    instants = iter([10, 10 + 3 * MILLISECOND, 20, 20 + MILLISECOND, 30, 30 + 9 * MILLISECOND])
    pauses = GarbagePauses(lambda: next(instants))
    for generation in (0, 0, 2):
        pauses("start", {"generation": generation})
        pauses("stop", {"generation": generation})

    found = told(pauses)
    assert [found["phalanx_gc_collections_total", g] for g in "012"] == [2, 0, 1]
    assert [found["phalanx_gc_pause_max_seconds", g] for g in "012"] == [0.003, 0, 0.009]


def test_a_run_whose_begin_was_not_seen_is_not_counted() -> None:
    pauses = GarbagePauses(lambda: 5)
    pauses("stop", {"generation": 1})

    assert told(pauses)["phalanx_gc_collections_total", "1"] == 0


def test_the_collector_itself_tells_it() -> None:
    instants = iter(range(1, 1_000))
    pauses = GarbagePauses(lambda: next(instants))
    gc.disable()
    gc.callbacks.append(pauses)
    try:
        gc.collect(1)
    finally:
        gc.callbacks.remove(pauses)
        gc.enable()

    assert told(pauses)["phalanx_gc_collections_total", "1"] == 1
    assert told(pauses)["phalanx_gc_pause_max_seconds", "1"] > 0
