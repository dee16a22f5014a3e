"""The picture of a desk at work: a header, doubts, what fires, and what happened, newest last."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from phalanx.cli.display.hops import SPREAD
from phalanx.cli.display.screen import printable
from phalanx.cli.input.moments import clock
from phalanx.cli.watching.hops import P99, RECENT, hop_lines
from phalanx.cli.watching.messages import Item
from phalanx.cli.watching.tally import (
    BREAK,
    CANCEL,
    CANCELED,
    DOUBT,
    FAILED,
    FILLED,
    OPEN,
    Fired,
    Remark,
    Tally,
)
from phalanx.domain.breaks import BreakKind
from phalanx.domain.latency import percentile

STYLES = {
    FILLED: "green",
    OPEN: "cyan",
    CANCELED: "yellow",
    DOUBT: "bold magenta",
    "rejected": "red",
    "expired": "red",
    "not received": "red",
    "skipped": "bright_black",
    "switch": "bold yellow",
    BREAK: "bold red",
}
_SHARES = (FILLED, CANCELED, *FAILED, DOUBT, OPEN)
_SIDES = {"BUY": "bold bright_blue", "SELL": "bold dark_orange"}
_KINDS_WIDTH = 12
BAR = "━"
GAP = 2
INDENT = 14
"""As wide as a time: what goes on stands under what happened."""
TEXT_MIN = _KINDS_WIDTH + 9
"""The least of a text that says something beside its kind."""
FIRING_MAX = 3
DOUBTS_MAX = 5
TOLD_MIN = 3
"""So much of what happened is always told."""
BREAKS_MAX = 5
SYMBOL_ROWS_MIN = 3
SYMBOL_CELL = 36
SYMBOL_BAR = 12
HEAD_BAR = 32


class Picture:
    """Draws a tally; ``url`` and ``mood`` (where from, and whether it is) are for the header."""

    def __init__(self, url: str, console: Console) -> None:
        self._url = url
        self._console = console

    def draw(
        self, tally: Tally, now_s: float, height: int | None = None, wall_ns: int = 0
    ) -> RenderableType:
        """Everything, as high as the terminal at most. ``wall_ns``: now, to tell what is overdue."""
        parts: list[RenderableType] = [
            self._header(tally, now_s),
            totals(tally.ended),
            *self._pinned(tally, wall_ns),
            *self._firing(tally, now_s),
            Rule("what happened", style="bright_black", align="left"),
        ]
        used = sum(len(self._console.render_lines(part, pad=False)) for part in parts)
        room = (height or self._console.height) - used - 1
        hops = _hops(tally, room - TOLD_MIN)
        parts[2:2] = hops
        room = max(TOLD_MIN, room - len(hops))
        told = [line for one in tally.told()[-room:] for line in self._happening(one)][-room:]
        if not told:
            told = [Text("nothing yet: what happens from now on is told here", style="dim")]
        return Group(*parts, *told)

    def _header(self, tally: Tally, now_s: float) -> RenderableType:
        p50, p99 = percentiles(tally.tats)
        state = (f"○ {tally.trouble}", "bold red") if tally.trouble else ("● live", "bold green")
        cells = (
            ("orders/s", f"{tally.rate(now_s):,.1f}", "bold"),
            ("TAT p50", p50, "bold"),
            ("p99", p99, "bold"),
            ("accounts", f"{len(tally.accounts):,}", "bold"),
            ("open", f"{tally.open:,}", "bold cyan" if tally.open else "bold"),
            ("doubts", f"{len(tally.doubts):,}", STYLES[DOUBT] if tally.doubts else "bold"),
            *([("breaks", f"{len(tally.breaks):,}", STYLES[BREAK])] if tally.breaks else []),
            *([("stale prices", f"{len(tally.stale):,}", STYLES[DOUBT])] if tally.stale else []),
            ("seq", f"{tally.seq:,}", "bold"),
        )
        numbers = Text("   ").join(
            Text.assemble((f"{name} ", "bright_black"), (value, style))
            for name, value, style in cells
        )
        title = Table.grid(expand=True)
        title.add_column(no_wrap=True)
        title.add_column(justify="right", no_wrap=True, overflow="ellipsis")
        title.add_row(
            Text.assemble((" PHALANX ", "bold black on cyan"), "  ", state),
            Text(printable(self._url), style="bright_black"),
        )
        return Group(title, numbers)

    def _pinned(self, tally: Tally, wall_ns: int) -> Iterable[RenderableType]:
        """What a person must see: kills, then orders of which nobody knows the outcome, then breaks."""
        for item in tally.kills.values():
            name = str(item.get("name")).partition(":")[2]
            whose = "everybody" if name == "all" else name.replace("/", " ", 1)
            note = str(item.get("text")).removeprefix("killed").strip()
            words = f" KILL  new orders are stopped for {whose}{f': {note}' if note else ''} "
            yield Text(printable(words), style="bold white on red")
        breaks = dict(tally.breaks)
        filed = {item.get("subject"): key for key, item in breaks.items() if _is_of_doubt(item)}
        doubts = list(tally.doubts.values())
        for item in doubts[:DOUBTS_MAX]:
            key = filed.get(item.get("order_id"))
            told = None if key is None else breaks.pop(key)
            words = (
                f" IN DOUBT  {item.get('order_id')}  {item.get('account')}  {item.get('side')} "
                f"{item.get('quantity')} {item.get('symbol')}: {_since(item.get('time_ns'))}, "
            )
            words += "the broker is asked" if told is None else owned(told, wall_ns)
            yield _in_one_line(Text(printable(words), style=STYLES[DOUBT]))
        if len(doubts) > DOUBTS_MAX:
            yield Text(f" and {len(doubts) - DOUBTS_MAX:,} more in doubt", style=STYLES[DOUBT])
        yield from _breaks(list(breaks.values()), wall_ns)

    def _firing(self, tally: Tally, now_s: float) -> Iterable[RenderableType]:
        firing = list(tally.firing(now_s))
        if not firing:
            return
        yield Rule("firing", style="bright_black", align="left")
        for fired in firing[:FIRING_MAX]:
            head = Text.assemble(
                bar(fired.counts, HEAD_BAR),
                f" {done(fired.counts):>6,}/{fired.total:<6,} ",
            )
            said = described(fired), counted(fired.counts, fired.skips)
            lines = fitted(head, *said, width=self._console.width)
            yield from lines
            if len(fired.symbols) > 1:
                rows_max = self._console.height // 3 - len(lines) + 1
                yield self._symbols(fired, max(SYMBOL_ROWS_MIN, rows_max))
        if len(firing) > FIRING_MAX:
            yield Text(f"and {len(firing) - FIRING_MAX} more", style="dim")

    def _symbols(self, fired: Fired, rows_max: int) -> RenderableType:
        """A bar per instrument, in columns; those that are not done come first where not all fit."""
        across = max(1, (self._console.width - 2) // SYMBOL_CELL)
        room = across * rows_max
        rows = list(fired.symbols.items())
        if len(rows) > room:
            rows.sort(key=lambda row: not (row[1][OPEN] or row[1][DOUBT]))
        cells: list[Text] = [
            Text.assemble(
                f"{printable(symbol)[:12]:<12} ",
                bar(counts, SYMBOL_BAR),
                (f" {done(counts):>4,}/{counts.total():<4,}", _worst(counts)),
            )
            for symbol, counts in rows[:room]
        ]
        if len(rows) > room:
            cells[-1] = Text(f"and {len(rows) - room + 1} more", style="dim")
        grid = Columns(cells, width=SYMBOL_CELL - 2, padding=(0, 1), column_first=True)
        return Padding(grid, (0, 0, 0, 2))

    def _happening(self, one: Fired | Remark) -> list[Text]:
        time = Text(f"{clock(one.time_ns) if one.time_ns else '':12}  ", style="bright_black")
        if isinstance(one, Remark):
            style = STYLES.get(one.end, "")
            times = Text(f"× {one.count:,}" if one.count > 1 else "", style=style)
            text = Text(printable(one.text), style=style)
            return fitted(time, text, times, width=self._console.width)
        counts = counted(one.outcome, one.skips)
        if one.kind == CANCEL and not counts and not one.reason:
            counts = Text(f"0 {CANCELED}", style="bright_black")
        outcome = Text("  ").join(
            part for part in (Text(one.reason, style=STYLES["rejected"]), counts) if part
        )
        tat = Text(f"TAT {one.tat_ns / 1e6:.2f} ms" if one.tat_ns else "", style="bright_black")
        head = Text.assemble(time, (f"{one.id:<11} ", "bright_black"))
        return fitted(head, described(one), outcome, tat, width=self._console.width)


def _hops(tally: Tally, room: int) -> list[Text]:
    """What each hop took: of all orders lately and of the instruction that was told of last; where there is
    little room p99 alone, or nothing.
    """
    latest = tally.latest
    groups = [(RECENT, tally.latencies)]
    if latest is not None:
        groups.append((latest.id, latest.latencies))
    for spread in (SPREAD, P99):
        lines = hop_lines(groups, spread)
        if len(lines) <= room:
            return lines
    return []


def _breaks(items: Sequence[Item], wall_ns: int) -> Iterable[RenderableType]:
    """The overdue ones first, then the oldest."""
    ranked = sorted(items, key=lambda item: (not _is_overdue(item, wall_ns), _filed_ns(item)))
    for item in ranked[:BREAKS_MAX]:
        subject = " ".join(str(item[it]) for it in ("kind", "subject") if item.get(it))
        values = f"ours {item.get('ours') or '-'}, theirs {item.get('theirs') or '-'}"
        words = (
            f" BREAK  {item.get('break_id')}  {item.get('account')}  {subject}: {values}, "
            f"{_since(item.get('filed_ns'))}, {owned(item, wall_ns)}"
        )
        yield _in_one_line(Text(printable(words), style=STYLES[BREAK]))
    if len(ranked) > BREAKS_MAX:
        late = sum(_is_overdue(item, wall_ns) for item in ranked[BREAKS_MAX:])
        more = f" and {len(ranked) - BREAKS_MAX:,} more breaks"
        yield Text(f"{more}, {late:,} overdue" if late else more, style=STYLES[BREAK])


def owned(item: Item, wall_ns: int) -> str:
    """``Asha has it, overdue``; ``nobody has it``."""
    said = f"{item.get('owner') or 'nobody'} has it"
    return f"{said}, overdue" if _is_overdue(item, wall_ns) else said


def _since(time_ns: object) -> str:
    return f"since {clock(time_ns)[:8]}" if isinstance(time_ns, int) and time_ns else "since long"


def _filed_ns(item: Item) -> int:
    filed = item.get("filed_ns")
    return filed if isinstance(filed, int) else 0


def _is_overdue(item: Item, wall_ns: int) -> bool:
    deadline = item.get("deadline_ns")
    return isinstance(deadline, int) and 0 < deadline < wall_ns


def _is_of_doubt(item: Item) -> bool:
    return item.get("kind") == BreakKind.ORDER_IN_DOUBT


def fitted(
    head: Text, text: Text, outcome: Text, extra: Text | None = None, *, width: int
) -> list[Text]:
    """Head, text, outcome and, where all of it has room, ``extra``: the outcome is never cut.

    The text is, as far as that leaves something to read; else the outcome gets lines of its own.
    """
    room = width - head.cell_len - (GAP + outcome.cell_len if outcome else 0)
    if room < min(text.cell_len, TEXT_MIN):
        console = Console(width=width)
        indent = Text(" " * INDENT)
        lines = outcome.wrap(console, width - INDENT) if outcome else ()
        under = [indent + line for line in lines]
        return [_in_one_line(head + text), *under]
    parts = [head + _cut(text, room), outcome]
    if extra and room >= text.cell_len + GAP + extra.cell_len:
        parts.append(extra)
    return [_in_one_line(Text(" " * GAP).join(part for part in parts if part))]


def _cut(text: Text, width: int) -> Text:
    """As much of it as there is room for."""
    shown = text.copy()
    shown.truncate(width, overflow="ellipsis")
    return shown


def _in_one_line(line: Text) -> Text:
    """Cut off where the terminal ends: a picture has a line for each thing."""
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def totals(ended: Counter[str]) -> Text:
    """What ended how since one began to watch."""
    words = [
        Text(f"{ended[end]:,} {end}", style=STYLES[end] if ended[end] else "bright_black")
        for end in (FILLED, FAILED[0], CANCELED, *FAILED[1:], "skipped")
        if ended[end] or end not in FAILED[1:]
    ]
    return Text.assemble(("since you watch: ", "bright_black"), Text(", ").join(words))


def counted(counts: Counter[str], skips: int) -> Text:
    """``181 filled, 3 rejected, 12 skipped``, each in its colour."""
    words = [
        Text(f"{counts[end]:,} {end}", style=STYLES[end]) for end in _SHARES if counts[end] > 0
    ]
    if skips:
        words.append(Text(f"{skips:,} skipped", style=STYLES["skipped"]))
    return Text(", ").join(words)


def described(fired: Fired) -> Text:
    """The kind and what was asked; BUY and SELL in the colours of the sides, which are no outcome."""
    text = Text.assemble((f"{fired.kind:<{_KINDS_WIDTH}} ", "bright_black"))
    words = printable(fired.text or fired.id)
    for place, word in enumerate(words.split(" ")):
        text.append(f"{' ' if place else ''}{word}", style=_SIDES.get(word, "bold"))
    return text


def bar(counts: Counter[str], width: int) -> Text:
    """One bar in the colours of how its orders ended; what is still open is a thin line."""
    total = max(1, counts.total())
    text, cells, seen = Text(), 0, 0
    for end in _SHARES:
        if end == OPEN:
            break
        seen += counts[end]
        upto = width * seen // total
        # A single rejection among thousands is worth a cell.
        if counts[end] > 0 and upto == cells and cells < width:
            upto += 1
        text.append(BAR * (upto - cells), style=STYLES[end])
        cells = max(cells, upto)
    text.append("─" * (width - cells), style="bright_black")
    return text


def done(counts: Counter[str]) -> int:
    """How many orders have ended."""
    return counts.total() - counts[OPEN] - counts[DOUBT]


def percentiles(tats: Iterable[int]) -> tuple[str, str]:
    """p50 and p99 in milliseconds, of what was measured last."""
    values = sorted(tats)
    return _place(values, 50), _place(values, 99)


def _place(values: Sequence[int], percent: int) -> str:
    if not values:
        return "–"
    return f"{percentile(values, percent) / 1e6:.2f} ms"


def _worst(counts: Counter[str]) -> str:
    if counts[DOUBT]:
        return STYLES[DOUBT]
    if any(counts[end] for end in FAILED):
        return STYLES["rejected"]
    return "bright_black" if counts[OPEN] else STYLES[FILLED]
