"""What one seed is about: how much of everything that can go wrong. Drawn from the seed, printable."""

from collections.abc import Iterator

import msgspec

from phalanx.desk.pace import Pace
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.time import MILLISECOND, SECOND
from phalanx.simulation.faults.chance import Chance
from phalanx.simulation.network import Rates

KINDS = tuple(BrokerKind)

_RATES = (0, 0, 100, 500, 1_500)
"""How often one kind of fault happens, in basis points, in a seed that has faults of the network."""

_RARE = (0, 0, 0, 100, 300)
"""The same of what takes every connection with it."""

_OF_ALL = frozenset({"token_death_bps", "reset_bps", "restart_bps", "book_lost_bps"})


class Options(msgspec.Struct, frozen=True):
    """One story. ``kinds``: an account at a stub broker of each of these; ``paper``: one on paper.

    ``lasts_s``: about how long people are busy. ``commit_us``: the slowest commit. The counts are of
    things that happen once each: ``crashes`` at any step, in an append or at a write;
    ``disk_faults``; ``pauses`` as SIGSTOP does; ``second_starts`` while another process lives;
    ``stops`` in good order and starts; ``lost_tails`` that must be refused; ``incidents`` of a broker
    or its connection; ``jumps`` of a wall clock; ``outside``: what somebody does at a broker without
    us; ``rejections`` after acceptance; ``direct_kills`` past the desk. ``midnight``: the day rolls in
    the middle of it, and twice more at rest (`Nights`). ``short_memory``: orders that have ended leave
    memory after a moment.
    ``forgets``: the disk loses acknowledged records and their anchor once people have done their part.
    ``patient``: afterwards nobody asks for a reading, everything takes the desk's own time.
    ``limited``: accounts have rate limits. ``checked``: what opens much risk waits for another person, and
    there is one. ``undoable``: orders that open risk have an undo window. ``pace``: how much the desk takes
    on at once.
    """

    seed: int
    kinds: tuple[BrokerKind, ...] = KINDS
    paper: bool = True
    people: int = 3
    wishes: int = 12
    lasts_s: int = 6
    commit_us: int = 200
    crashes: int = 0
    disk_faults: int = 0
    pauses: int = 0
    second_starts: int = 0
    stops: int = 0
    lost_tails: int = 0
    incidents: int = 0
    jumps: int = 0
    outside: int = 0
    rejections: int = 0
    direct_kills: int = 0
    midnight: bool = False
    short_memory: bool = False
    forgets: bool = False
    patient: bool = False
    limited: bool = False
    pace: Pace = Pace()
    rates: Rates = Rates()
    checked: bool = False
    undoable: bool = False


LONG_S = 50
LONG_PERCENT = 4
"""In a hundred so many seeds last long enough for what is late while everything still goes wrong."""

LAGS_PERCENT = 8
"""In so many a broker tells little and late, and only what its book shows long afterwards proves anything."""

LAGS_MIDNIGHT_PERCENT = 50
"""In so many of those the day rolls meanwhile."""

LAGS = Rates(report_lost_bps=10_000, book_stale_bps=9_000, request_late_bps=9_000)


def draw(seed: int) -> Options:
    """The default profile: about fourteen orders and two crashes, and of every fault a share of seeds."""
    chance = Chance(f"options {seed}")
    pick = chance.choice
    options = Options(
        seed,
        kinds=tuple(sorted(chance.sample(KINDS, pick((1, 2, 2, 3))))),
        paper=chance.happens(30),
        people=pick((1, 2, 3)),
        wishes=pick((14, 18, 22, 28)),
        lasts_s=LONG_S if chance.happens(LONG_PERCENT) else 6,
        commit_us=pick((1, 200, 5_000, 100_000)),
        crashes=pick((0, 1, 2, 2, 2, 3)),
        disk_faults=pick((0, 0, 0, 1)),
        pauses=pick((0, 0, 1)),
        second_starts=pick((0, 0, 0, 1)),
        stops=pick((0, 0, 0, 1)),
        lost_tails=pick((0, 0, 0, 0, 0, 1)),
        incidents=pick((0, 0, 1, 2)),
        jumps=pick((0, 0, 0, 1)),
        outside=pick((0, 0, 1, 2)),
        rejections=pick((0, 0, 1)),
        patient=chance.happens(5),
        limited=chance.happens(30),
        rates=_draw_rates(chance),
    )
    options = _draw_second_looks(_draw_pace(_draw_more(options)))
    return _lagging(options, chance) if chance.happens(LAGS_PERCENT) else options


MIDNIGHT_PERCENT = 8
"""In so many the day rolls."""

SHORT_MEMORY_PERCENT = 12

FORGETS_PERCENT = 4
"""In so many what must never happen did: then nobody kills past the desk, for that too could be lost."""


def _draw_more(options: Options) -> Options:
    """What is rare."""
    chance = Chance(f"more options {options.seed}")
    drawn = msgspec.structs.replace(
        options,
        direct_kills=chance.choice((0, 0, 0, 0, 1, 2)),
        midnight=chance.happens(MIDNIGHT_PERCENT),
        short_memory=chance.happens(SHORT_MEMORY_PERCENT),
    )
    if chance.happens(FORGETS_PERCENT):
        return msgspec.structs.replace(drawn, forgets=True, direct_kills=0, midnight=False)
    return drawn


NARROW_PERCENT = 25
"""In so many the desk takes on next to nothing at once: commands wait for their turn, or are turned away, and
other things happen between the writes of one instruction.
"""


def _draw_pace(options: Options) -> Options:
    chance = Chance(f"pace {options.seed}")
    if not chance.happens(NARROW_PERCENT):
        return options
    pace = Pace(
        easy_bytes=chance.choice((1, 400, 2_000)),
        urgent_bytes_max=chance.choice((600, 32 << 20)),
        waiting_max=chance.choice((1, 2, 10)),
        waiting_weight_max=chance.choice((20, 1_000)),
        turn_weight=chance.choice((1, 1, 5, 256)),
        wait_ns=chance.choice((5 * MILLISECOND, SECOND)),
        writes_per_turn=chance.choice((1, 1, 2)),
    )
    return msgspec.structs.replace(options, pace=pace)


CHECKED_PERCENT = 25
UNDOABLE_PERCENT = 25


def _draw_second_looks(options: Options) -> Options:
    """From a stream of its own, so that all other stories stay what they were."""
    chance = Chance(f"second looks {options.seed}")
    return msgspec.structs.replace(
        options,
        checked=chance.happens(CHECKED_PERCENT),
        undoable=chance.happens(UNDOABLE_PERCENT),
    )


def _lagging(options: Options, chance: Chance) -> Options:
    """A few orders far apart at one broker, so that nothing else makes anybody look at its book."""
    return msgspec.structs.replace(
        options,
        kinds=(chance.choice((BrokerKind.REFUSES_DUPLICATES, BrokerKind.LOOK_UP)),),
        paper=False,
        people=1,
        wishes=9,
        lasts_s=LONG_S,
        crashes=0,
        disk_faults=0,
        stops=0,
        incidents=0,
        jumps=chance.choice((0, 1, 2)),
        rates=msgspec.structs.replace(LAGS, book_stale_bps=chance.choice((4_000, 6_000, 9_000))),
        midnight=not options.forgets and chance.happens(LAGS_MIDNIGHT_PERCENT),
    )


def _draw_rates(chance: Chance) -> Rates:
    """In a third of the seeds the network is well; else each fault has a rate of its own, often none."""
    latency = chance.choice(((0, 1), (0, 20), (5, 400)))
    if chance.happens(33):
        return Rates(latency_ms=latency)
    drawn = {
        name: chance.choice(_RARE if name in _OF_ALL else _RATES)
        for name in Rates.__struct_fields__
        if name[-4:] == "_bps"
    }
    return Rates(**drawn, latency_ms=latency)


def lesser(options: Options) -> Iterator[Options]:
    """Stories of the same seed with less in them, the greatest step first: to find what is needed."""
    yield from _calmer(options)
    for name in Options.__struct_fields__:
        value = getattr(options, name)
        if name not in {"seed", "people", "wishes", "lasts_s", "commit_us"} and isinstance(
            value, int
        ):
            if value:
                yield msgspec.structs.replace(options, **{name: type(value)(0)})
            if value > 1:
                yield msgspec.structs.replace(options, **{name: value - 1})
    for name in Rates.__struct_fields__:
        if name[-4:] == "_bps" and getattr(options.rates, name):
            rates = msgspec.structs.replace(options.rates, **{name: 0})
            yield msgspec.structs.replace(options, rates=rates)
    for kind in options.kinds if len(options.kinds) > 1 else ():
        kinds = tuple(other for other in options.kinds if other is not kind)
        yield msgspec.structs.replace(options, kinds=kinds)
    if options.wishes > 1:
        yield msgspec.structs.replace(options, wishes=options.wishes // 2)
        yield msgspec.structs.replace(options, wishes=options.wishes - 1)


def _calmer(options: Options) -> Iterator[Options]:
    """Without any fault of the network; with a desk that takes on what it does in a server."""
    for rates, pace in (
        (Rates(latency_ms=options.rates.latency_ms), options.pace),
        (options.rates, Pace()),
    ):
        calm = msgspec.structs.replace(options, rates=rates, pace=pace)
        if calm != options:
            yield calm


def told(options: Options) -> list[str]:
    """One line per option, with its value."""
    lines = []
    for name in Options.__struct_fields__:
        value = getattr(options, name)
        if isinstance(value, Rates):
            lines += [
                f"{field} = {getattr(value, field)}"
                for field in Rates.__struct_fields__
                if getattr(value, field) or field[-4:] != "_bps"
            ]
        else:
            text = ", ".join(map(str, value)) if isinstance(value, tuple) else value
            lines.append(f"{name} = {text}")
    return lines
