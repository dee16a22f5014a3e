"""Many seeds, one after the other or over several processes, and what came of each."""

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import msgspec

from phalanx.domain.time import Nanoseconds
from phalanx.simulation.faults.options import Options, draw, lesser
from phalanx.simulation.faults.story import Story, begin
from phalanx.simulation.invariants.named import CHECKED, Invariant, Violation
from phalanx.simulation.loop import Deadlock, Livelock
from phalanx.simulation.virtual import simulate

STORIES_TO_SHRINK = 60
"""So many smaller stories are tried, at most, to find one that fails in the same way."""

ASSERTION = "ASSERTION"
"""What a failure is called that one of the code's own assertions found."""

ERROR = "ERROR"
"""What any other exception is called; it may be the story's own."""

CHUNK = 25


class Failure(msgspec.Struct, frozen=True):
    """Why a seed failed. ``invariant``: its name, or of which kind an error of the code itself was."""

    invariant: str
    sentence: str
    what: str


class Told(msgspec.Struct, frozen=True):
    """One story that was told; ``trace``, where it was wanted, are its latest steps, the oldest first."""

    seed: int
    failure: Failure | None = None
    orders: int = 0
    crashes: int = 0
    lasted: Nanoseconds = 0
    steps: int = 0
    faults: dict[str, int] = {}
    events: dict[str, int] = {}
    checked: dict[str, int] = {}
    trace: tuple[str, ...] = ()


class Examined(msgspec.Struct, frozen=True):
    """A failing seed, told again and again: the smallest options that still fail in the same way."""

    told: Told
    options: Options
    smallest: Options
    stories: int


class Totals(msgspec.Struct):
    """The sums over all stories."""

    seeds: int = 0
    orders: int = 0
    crashes: int = 0
    lasted: Nanoseconds = 0
    steps: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    events: Counter[str] = msgspec.field(default_factory=Counter)
    checked: Counter[str] = msgspec.field(default_factory=Counter)
    failed: list[Told] = msgspec.field(default_factory=list)

    def add(self, told: Told) -> None:
        """One more story."""
        self.seeds += 1
        self.orders += told.orders
        self.crashes += told.crashes
        self.lasted += told.lasted
        self.steps += told.steps
        self.faults.update(told.faults)
        self.events.update(told.events)
        self.checked.update(told.checked)
        if told.failure is not None:
            self.failed.append(told)


def tell(options: Options, *, traced: bool = False) -> Told:
    """Tell one story to its end, or to where something did not hold."""
    CHECKED.clear()
    stories: list[Story] = []
    failure = None
    try:
        simulate(begin(options, stories, traced=traced), seed=options.seed)
    except Exception as error:  # noqa: BLE001  whatever it is, it is told with its seed
        failure = _failure(error)
    if not stories:
        return Told(options.seed, failure)
    story = stories[0]
    if failure is not None and story.violation is not None:
        # What came of it later is only what could be seen of it from outside.
        failure = _failure(story.violation)
    trace = story.trace.steps if story.trace is not None else ()
    return Told(
        options.seed,
        failure,
        len(story.truth.disk.drafts),
        story.life.deaths,
        story.loop.elapsed_ns,
        story.loop.steps,
        dict(story.world.faults),
        dict(story.truth.disk.events),
        {invariant.name: count for invariant, count in CHECKED.items()},
        tuple(map(str, trace)),
    )


def examine(options: Options) -> Examined:
    """Find the least that makes this story fail in the same way, and tell that with its trace."""
    first = tell(options)
    assert first.failure is not None, f"seed {options.seed} does not fail"
    smallest, stories, found = options, 1, True
    while found:
        found = False
        for tried in lesser(smallest):
            if stories >= STORIES_TO_SHRINK:
                break
            stories += 1
            failure = tell(tried).failure
            if failure is not None and failure.invariant == first.failure.invariant:
                smallest, found = tried, True
                break
    return Examined(tell(smallest, traced=True), options, smallest, stories)


def run_seeds(seeds: Sequence[int], jobs: int = 1) -> Iterator[Told]:
    """Every seed's story in the default profile, in the order of the seeds."""
    if jobs <= 1:
        yield from _chunk(seeds)
        return
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(jobs) as pool:
        for told in pool.map(_list, chunks):
            yield from told


def _list(seeds: Sequence[int]) -> list[Told]:
    return list(_chunk(seeds))


def _chunk(seeds: Sequence[int]) -> Iterator[Told]:
    """Without the collector's running in between: a story leaves cycles, a collected chunk none."""
    gc.collect()
    gc.freeze()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for number, seed in enumerate(seeds, 1):
            yield tell(draw(seed))
            if number % CHUNK == 0:
                gc.collect()
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _failure(error: Exception) -> Failure:
    match error:
        case Violation():
            return Failure(error.invariant.name, error.invariant.value, error.what)
        case Deadlock() | Livelock():
            return Failure(Invariant.PROGRESS.name, Invariant.PROGRESS.value, str(error))
        case AssertionError():
            return Failure(ASSERTION, "An assertion of the code's own holds.", _where(error))
        case _:
            return Failure(ERROR, "Nothing raises what nobody expects.", _where(error))


def _where(error: Exception) -> str:
    """What was raised, and the line that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        code = trace.tb_frame.f_code
        place = f" in {code.co_qualname} at line {trace.tb_lineno}"
    return f"{error!r}{place}"
