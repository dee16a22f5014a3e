"""`phalanx simulate`. `faults`: tell seeded stories of the whole desk, and find the one that breaks it."""

from time import perf_counter
from typing import TYPE_CHECKING, Any

import typer

from phalanx.cli.checking import simulate_broker, simulate_motilal
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.options import JsonOption

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen
    from phalanx.simulation.faults.runner import Examined, Told, Totals

SEEDS = 1_000
"""So many stories unless somebody says."""

STEPS_SHOWN = 40
"""So many of the last steps of a story that failed."""

app = typer.Typer(
    name="simulate",
    help="Simulate the whole desk on virtual time, or a broker for it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def simulate() -> None:
    """Simulate the whole desk on virtual time, or a broker for it."""


simulate_broker.app.command("motilal")(simulate_motilal.motilal)
app.add_typer(simulate_broker.app, name="broker")


@app.command("faults")
def faults(
    *,
    seeds: int | None = typer.Option(
        None, "--seeds", min=1, help=f"How many stories. [default: {SEEDS}]"
    ),
    start: int | None = typer.Option(None, "--from", min=0, help="The first seed. [default: 0]"),
    seed: int | None = typer.Option(None, "--seed", min=0, help="This one story only."),
    jobs: int = typer.Option(1, "--jobs", min=1, help="Over so many processes."),
    verbose: bool = typer.Option(
        False, "--verbose", help="Of a single seed: all its options and its whole trace."
    ),
    as_json: JsonOption = False,
) -> None:
    """Try to break the desk: crashes, lying networks, full disks, on virtual time.

    Each seed is one story with crashes and faults drawn from it, then a phase without any in which
    everything must come to rest. All invariants are looked at throughout. A failing seed is told
    with the least that makes it fail. Needs no server.
    """
    from phalanx.cli.display.screen import Screen

    _check(seeds, start, seed, verbose=verbose)
    screen = Screen(as_json=as_json)
    if seed is not None:
        failed = _one(screen, seed, verbose=verbose)
    else:
        first = start or 0
        failed = _many(screen, range(first, first + (seeds or SEEDS)), jobs)
    if failed:
        raise typer.Exit(Exit.FAILURE)


def _check(seeds: int | None, start: int | None, seed: int | None, *, verbose: bool) -> None:
    """Raises Failure USAGE for options that do not go together."""
    if seed is not None and (seeds is not None or start is not None):
        detail = "--seed is one story; --seeds and --from are of many"
        raise Failure(Exit.USAGE, "EITHER_OR", detail)
    if verbose and seed is None:
        raise Failure(Exit.USAGE, "USAGE", "--verbose is of a single story: choose it with --seed")


def _one(screen: "Screen", seed: int, *, verbose: bool) -> bool:
    from phalanx.simulation.faults.options import draw, told
    from phalanx.simulation.faults.runner import examine, tell

    options = draw(seed)
    story = tell(options, traced=verbose)
    document: dict[str, Any] = {"seed": seed, **_counts(story)}
    if verbose:
        document.update(options=told(options), trace=story.trace)
    if not screen.as_json:
        if verbose:
            for line in (*told(options), *story.trace):
                screen.say(line)
        screen.say(_line(story))
    if story.failure is not None:
        examined = examine(options)
        document["failure"] = _failure_document(examined)
        if not screen.as_json:
            _say_failure(screen, examined)
    if screen.as_json:
        screen.document(document)
    return story.failure is not None


def _many(screen: "Screen", seeds: range, jobs: int) -> bool:
    from phalanx.simulation.faults.options import draw
    from phalanx.simulation.faults.runner import Totals, examine, run_seeds

    totals = Totals()
    begun = perf_counter()
    for story in run_seeds(seeds, jobs):
        totals.add(story)
    elapsed_s = perf_counter() - begun
    examined = examine(draw(totals.failed[0].seed)) if totals.failed else None
    if screen.as_json:
        document = _totals_document(totals, seeds, elapsed_s)
        document["failure"] = _failure_document(examined) if examined is not None else None
        screen.document(document)
    else:
        _say_totals(screen, totals, seeds, elapsed_s)
        if examined is not None:
            _say_failure(screen, examined)
    return bool(totals.failed)


def _counts(story: "Told") -> dict[str, Any]:
    return {
        "orders": story.orders,
        "crashes": story.crashes,
        "virtual_s": story.lasted / 1e9,
        "steps": story.steps,
        "faults": story.faults,
        "events": story.events,
        "checked": story.checked,
    }


def _line(story: "Told") -> str:
    verdict = "held" if story.failure is None else "FAILED"
    return (
        f"seed {story.seed}: {verdict}; {story.orders} orders, {story.crashes} crashes, "
        f"{sum(story.faults.values())} faults, {story.lasted / 1e9:.0f} s of virtual time"
    )


def _totals_document(totals: "Totals", seeds: range, elapsed_s: float) -> dict[str, Any]:
    return {
        "from": seeds.start,
        "seeds": totals.seeds,
        "elapsed_s": round(elapsed_s, 3),
        "seeds_per_s": round(totals.seeds / elapsed_s, 1),
        "orders": totals.orders,
        "crashes": totals.crashes,
        "virtual_s": round(totals.lasted / 1e9),
        "faults": dict(totals.faults.most_common()),
        "events": dict(totals.events.most_common()),
        "checked": dict(totals.checked.most_common()),
        "failed": [told.seed for told in totals.failed],
    }


def _say_totals(screen: "Screen", totals: "Totals", seeds: range, elapsed_s: float) -> None:
    count = totals.seeds
    screen.say(
        f"{count:,} seeds from {seeds.start} in {elapsed_s:.1f} s: {count / elapsed_s:.1f} seeds/s, "
        f"{totals.lasted / 1e9 / elapsed_s:,.0f} times as fast as time"
    )
    screen.say(
        f"{totals.orders:,} orders ({totals.orders / count:.1f} a seed), "
        f"{totals.crashes:,} crashes ({totals.crashes / count:.1f} a seed), "
        f"{sum(totals.events.values()):,} events, {totals.steps:,} steps"
    )
    screen.say("faults: " + _listed(totals.faults.most_common()))
    screen.say("looked at: " + _listed(sorted(totals.checked.items())))
    if totals.failed:
        screen.say(f"{len(totals.failed)} seeds FAILED:")
        for told in totals.failed[:20]:
            assert told.failure is not None
            screen.say(f"  {told.seed}: {told.failure.invariant}: {told.failure.what[:200]}")
    else:
        screen.say("every invariant held")


def _listed(counts: list[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts) or "none"


def _say_failure(screen: "Screen", examined: "Examined") -> None:
    from phalanx.simulation.faults.options import told

    story = examined.told
    assert story.failure is not None
    screen.say("")
    screen.say(f"seed {story.seed} fails: {story.failure.invariant}: {story.failure.sentence}")
    screen.say(f"  {story.failure.what}")
    screen.say(f"The least that makes it fail ({examined.stories} stories were tried):")
    screen.say("  " + "; ".join(told(examined.smallest)))
    screen.say("Its last steps, in virtual seconds:")
    for line in story.trace[-STEPS_SHOWN:]:
        screen.say(line)
    screen.say(f"Again: {_again(story.seed)}")


def _failure_document(examined: "Examined") -> dict[str, Any]:
    from phalanx.simulation.faults.options import told

    story = examined.told
    assert story.failure is not None
    return {
        "seed": story.seed,
        "invariant": story.failure.invariant,
        "sentence": story.failure.sentence,
        "what": story.failure.what,
        "smallest": told(examined.smallest),
        "trace": story.trace[-STEPS_SHOWN:],
        "again": _again(story.seed),
    }


def _again(seed: int) -> str:
    return f"phalanx simulate faults --seed {seed} --verbose"
