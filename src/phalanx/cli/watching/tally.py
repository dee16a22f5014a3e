"""What a person who watches wants to know: counts, never a row per order.

Times are seconds of one monotonic clock, handed in; ``…_ns`` is the server's.
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from phalanx.cli.watching.filters import Filters
from phalanx.cli.watching.messages import Item, Message
from phalanx.domain.time import MICROSECOND, SECOND

OPEN: Final = "open"
DOUBT: Final = "in doubt"
BREAK: Final = "break"
FILLED: Final = "filled"
CANCELED: Final = "canceled"
CANCEL: Final = "cancel"
"""The kind of instruction that has no orders of its own."""
FAILED: Final = ("rejected", "expired", "not received")
_ENDS = {
    "FILLED": FILLED,
    "CANCELED": CANCELED,
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "NOT_RECEIVED": "not received",
    "IN_DOUBT": DOUBT,
}
_UNSENT: Final = frozenset({"HELD", "PENDING_NEW"})
_NEVER_SENT: Final = frozenset({"CANCELED", "EXPIRED"})
"""How an order may end that never left."""
TATS_KEPT = 1_000
RATE_S = 5.0
LINGER_S = 4.0
"""How long an instruction stays among those that fire after its last change."""
HAPPENINGS_KEPT = 200
INSTRUCTIONS_KEPT = 1_000


class Fired(msgspec.Struct):
    """An instruction and how far its orders are, by instrument.

    ``parent``: the one that it follows up on; ``stopped``: how that one's orders ended since this
    one, a cancel, was asked for.
    """

    id: str
    kind: str = ""
    text: str = ""
    status: str = ""
    reason: str = ""
    skips: int = 0
    time_ns: int = 0
    tat_ns: int = 0
    touched_s: float = 0.0
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    symbols: dict[str, Counter[str]] = msgspec.field(default_factory=dict)
    parent: str = ""
    stopped: Counter[str] = msgspec.field(default_factory=Counter)
    latencies: list[Item] = []

    @property
    def total(self) -> int:
        """How many orders are known of it."""
        return self.counts.total()

    @property
    def is_open(self) -> bool:
        """Whether any of them may still change."""
        return bool(self.counts[OPEN] or self.counts[DOUBT])

    def count(self, symbol: str, end: str, step: int) -> None:
        """One order more or less that is so."""
        self.counts[end] += step
        self.symbols.setdefault(symbol, Counter())[end] += step

    @property
    def outcome(self) -> Counter[str]:
        """What came of it: how its orders are, or, of a cancel, how those ended that it was for."""
        return self.stopped if self.kind == CANCEL else self.counts

    def has_stopped(self, seen: "Seen") -> bool:
        """Whether an order of its parent ended after this was asked for."""
        return seen.end not in (OPEN, DOUBT) and seen.time_ns >= self.time_ns


class Remark(msgspec.Struct):
    """Something that happened ``count`` times, beside the instructions."""

    time_ns: int
    text: str
    end: str = ""
    count: int = 1


class Seen(msgspec.Struct):
    """An order as it was last told. ``is_counted``: among those a second, now or before one watched."""

    instruction_id: str
    symbol: str
    end: str
    status: str
    time_ns: int
    is_counted: bool


class Tally:
    """Keeps the counts true as messages come. ``happenings`` are in the order in which they were
    first heard of; ``told`` has them by time. ``stale``: instruments whose live price is too old.
    ``latencies`` are the desk's, as the server tells them; ``latest``: the instruction told of last whose
    orders were answered.
    """

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._orders: dict[str, Seen] = {}
        self._instructions: dict[str, Fired] = {}
        self._cancels: dict[str, list[Fired]] = {}
        self._placed: deque[tuple[float, int]] = deque()
        self._tat_of: dict[str, None] = {}
        self.tats: deque[int] = deque(maxlen=TATS_KEPT)
        self.accounts: set[str] = set()
        self.doubts: dict[str, Item] = {}
        self.kills: dict[str, Item] = {}
        self.breaks: dict[str, Item] = {}
        self.ended: Counter[str] = Counter()
        self.stale: set[str] = set()
        self.latencies: list[Item] = []
        self.latest: Fired | None = None
        self.open = 0
        self.seq = 0
        self.trouble = ""
        self.happenings: dict[str, Fired | Remark] = {}

    def take(self, message: Message, now_s: float) -> None:
        """A snapshot or a delta."""
        self.seq = max(self.seq, message.seq)
        self.trouble = ""
        items = self._filters.chosen(message)
        match message.topic:
            case "orders":
                self._take_orders(message, items, now_s)
            case "instructions":
                self._take_instructions(message, items, now_s)
            case "accounts":
                if message.is_snapshot:
                    self.accounts.clear()
                self.accounts.update(str(item.get("account")) for item in items)
            case "desk":
                for item in message.items:
                    self._take_switch(item, told=not message.is_snapshot)
            case "breaks":
                self._take_breaks(message)
            case "quotes":
                self._take_quotes(message, items)
            case _:
                pass

    def recall(self, rows: Sequence[Item]) -> None:
        """Lines of the order log: one remark for all that say the same of one instrument."""
        for row in rows:
            if self._filters.passes(row):
                end = _ENDS.get(str(row.get("status")), "")
                what = f"{row.get('entry')} {row.get('side')} {row.get('symbol')}"
                self._remark(f"log {what} {end}", Remark(_logged_ns(row), what, end))

    def told(self) -> list[Fired | Remark]:
        """What happened, newest last: the lines of the log and of the stream by their own times."""
        return sorted(self.happenings.values(), key=lambda one: one.time_ns)

    def rate(self, now_s: float) -> float:
        """Orders that left a second, over the last few seconds."""
        while self._placed and self._placed[0][0] <= now_s - RATE_S:
            self._placed.popleft()
        return sum(count for _, count in self._placed) / RATE_S

    def firing(self, now_s: float) -> Iterator[Fired]:
        """Instructions with something open, or that just ended: the latest first."""
        for fired in reversed(self._instructions.values()):
            if fired.total and (fired.touched_s > now_s - LINGER_S):
                yield fired

    def _take_quotes(self, message: Message, items: Sequence[Item]) -> None:
        """Which of the prices that matter are too old to go by."""
        if message.is_snapshot:
            self.stale.clear()
        self.stale.difference_update(message.gone, (str(item.get("instrument")) for item in items))
        self.stale.update(str(item.get("instrument")) for item in items if item.get("is_stale"))

    # --- orders ----------------------------------------------------------------------------------

    def _take_orders(self, message: Message, items: Sequence[Item], now_s: float) -> None:
        if message.is_snapshot:
            self._begin_again()
        new = 0
        for item in items:
            new += self._take_order(item, now_s, told=not message.is_snapshot)
        if new and not message.is_snapshot:
            self._placed.append((now_s, new))
        for order_id in message.gone:
            self._forget(order_id)

    def _begin_again(self) -> None:
        """The whole table follows: what was counted from the last one is counted anew."""
        self._orders.clear()
        self.doubts.clear()
        self.open = 0
        for fired in self._instructions.values():
            fired.counts.clear()
            fired.symbols.clear()
            fired.stopped.clear()

    def _take_order(self, item: Item, now_s: float, *, told: bool) -> bool:
        """Count an order's row; True for an order that left since it was last told of."""
        order_id, symbol, status = (str(item.get(f)) for f in ("order_id", "symbol", "status"))
        end = _ENDS.get(status, OPEN)
        before = self._orders.get(order_id)
        fired = self._fired(str(item.get("instruction_id")))
        if before is not None:
            self._count(fired, before.symbol, before.end, -1)
        self._count(fired, symbol, end, 1)
        is_counted = _has_left(status, before) if told else status not in {*_UNSENT, "SENT"}
        seen = Seen(fired.id, symbol, end, status, _number(item, "time_ns"), is_counted)
        self._orders[order_id] = seen
        self._count_stopped(before, seen)
        if end == DOUBT:
            self.doubts[order_id] = item
        else:
            self.doubts.pop(order_id, None)
        if told:
            fired.touched_s = now_s
            self._take_tat(order_id, item)
            self._tell(fired, item)
            if before is None or before.end != end:
                self._tell_end(fired, item, end, was=OPEN if before is None else before.end)
        return is_counted and not (before is not None and before.is_counted)

    def _count_stopped(self, before: Seen | None, seen: Seen) -> None:
        """An end of an order whose instruction is being canceled is that cancel's as well."""
        for cancel in self._cancels.get(seen.instruction_id, ()):
            was_stopped = before is not None and cancel.has_stopped(before)
            if was_stopped and before is not None:
                cancel.stopped[before.end] -= 1
            # What had ended before may be told again, with a flag and another time.
            is_new = before is None or before.end in (OPEN, DOUBT)
            if (was_stopped or is_new) and cancel.has_stopped(seen):
                cancel.stopped[seen.end] += 1

    def _tell_end(self, fired: Fired, item: Item, end: str, was: str) -> None:
        """Count an end; say why orders fail, once per reason, and how a doubt was resolved."""
        if end not in (OPEN, DOUBT):
            self.ended[end] += 1
        time_ns = _number(item, "time_ns")
        if end in FAILED:
            why = str(item.get("message") or item.get("reason") or "no reason given")
            self._remark(
                f"{fired.id} {end} {why}", Remark(time_ns, f"{fired.id} {end}: {why}", end)
            )
        if was == DOUBT:
            what = f"{item.get('order_id')} {item.get('account')} {item.get('symbol')}"
            self._remark(f"{what} {end}", Remark(time_ns, f"{what}: no doubt any more, {end}", end))

    def _count(self, fired: Fired, symbol: str, end: str, step: int) -> None:
        fired.count(symbol, end, step)
        if end in (OPEN, DOUBT):
            self.open += step

    def _take_tat(self, order_id: str, item: Item) -> None:
        tat_ns = item.get("tat_ns")
        if isinstance(tat_ns, int) and tat_ns and order_id not in self._tat_of:
            self._tat_of[order_id] = None
            self.tats.append(tat_ns)
            while len(self._tat_of) > 2 * TATS_KEPT:
                del self._tat_of[next(iter(self._tat_of))]

    def _forget(self, order_id: str) -> None:
        """An order that left the desk's memory; its instruction goes on counting it."""
        seen = self._orders.pop(order_id, None)
        self.doubts.pop(order_id, None)
        if seen is not None and seen.end in (OPEN, DOUBT):
            self.open -= 1

    # --- instructions, switches, remarks ---------------------------------------------------------

    def _take_instructions(self, message: Message, items: Sequence[Item], now_s: float) -> None:
        for item in items:
            fired = self._fired(str(item.get("instruction_id")))
            skips = _number(item, "skips")
            if not message.is_snapshot:
                self.ended["skipped"] += skips - fired.skips
                fired.touched_s = now_s
                self._tell(fired, item)
            fired.kind, fired.text = str(item.get("kind")), str(item.get("text"))
            fired.status, fired.reason = str(item.get("status")), str(item.get("reason") or "")
            fired.skips, fired.tat_ns = skips, _number(item, "tat_ns")
            fired.latencies = _items(item.get("latencies"))
            if fired.latencies:
                self.latest = fired
            # Its row says when it changed last; its line stands where it began.
            fired.time_ns = fired.time_ns or _number(item, "time_ns")
            if fired.kind == CANCEL and not fired.parent and item.get("parent"):
                self._begin_cancel(fired, str(item["parent"]))

    def _begin_cancel(self, fired: Fired, parent: str) -> None:
        """The orders may have been told of first, so that some that it stopped have ended."""
        fired.parent = parent
        self._cancels.setdefault(parent, []).append(fired)
        for seen in self._orders.values():
            if seen.instruction_id == parent and fired.has_stopped(seen):
                fired.stopped[seen.end] += 1

    def _fired(self, instruction_id: str) -> Fired:
        fired = self._instructions.get(instruction_id)
        if fired is None:
            fired = self._instructions[instruction_id] = Fired(instruction_id)
            while len(self._instructions) > INSTRUCTIONS_KEPT:
                gone = self._instructions.pop(next(iter(self._instructions)))
                others = [one for one in self._cancels.pop(gone.parent, ()) if one is not gone]
                if others:
                    self._cancels[gone.parent] = others
        return fired

    def _take_switch(self, item: Item, *, told: bool) -> None:
        name, text = str(item.get("name")), str(item.get("text"))
        if name.startswith("kill:"):
            if text.startswith("killed"):
                self.kills[name] = item
            else:
                self.kills.pop(name, None)
        if told:
            self._remark(
                f"{name} {item.get('time_ns')}",
                Remark(_number(item, "time_ns"), f"{name} {text}", "switch"),
            )

    def _take_breaks(self, message: Message) -> None:
        """Everybody's: a person must see them, whatever else is being looked for."""
        if message.is_snapshot:
            self.breaks.clear()
        for item in message.items:
            break_id = str(item.get("break_id"))
            is_new = break_id not in self.breaks
            self.breaks[break_id] = item
            if is_new and not message.is_snapshot:
                words = [str(item[it]) for it in ("account", "kind", "subject") if item.get(it)]
                said = f"break {break_id} {' '.join(words)}: {item.get('reason')}"
                time_ns = _number(item, "time_ns")
                self._remark(f"{break_id} {time_ns}", Remark(time_ns, said, BREAK))
        for break_id in message.gone:
            self.breaks.pop(break_id, None)

    def _tell(self, fired: Fired, item: Item) -> None:
        """An instruction is told of once, where it began; its line goes on changing."""
        if not fired.time_ns:
            fired.time_ns = _number(item, "time_ns")
        self._remark(fired.id, fired)

    def _remark(self, key: str, happening: Fired | Remark) -> None:
        known = self.happenings.get(key)
        if known is None:
            self.happenings[key] = happening
        elif isinstance(known, Remark):
            known.count += 1
        while len(self.happenings) > HAPPENINGS_KEPT:
            del self.happenings[next(iter(self.happenings))]


def _has_left(status: str, before: Seen | None) -> bool:
    """Whether an order of which a delta tells is among those that left since one watches."""
    if before is not None and (before.is_counted or before.status == status):
        return before.is_counted
    was_unsent = before is None or before.status in _UNSENT
    return status not in _UNSENT and not (was_unsent and status in _NEVER_SENT)


def _logged_ns(row: Item) -> int:
    """When a line of the order log was written; 0 where it does not say."""
    try:
        time = datetime.fromisoformat(str(row.get("time")))
    except ValueError:
        return 0
    return int(time.timestamp()) * SECOND + time.microsecond * MICROSECOND


def _items(value: object) -> list[Item]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _number(item: Item, field: str) -> int:
    value = item.get(field)
    return value if isinstance(value, int) else 0
