"""What happens as lines: for a pipe, a log file, or a program that reads JSON."""

from collections.abc import Mapping, Sequence

from phalanx.cli.display.screen import Screen
from phalanx.cli.input.moments import clock
from phalanx.cli.watching.filters import Filters
from phalanx.cli.watching.messages import Enough, Item, Message

QUANTITIES_KEPT = 65_536
CLOSED = "CLOSED"
"""The status of a break that is over; an open one's is whose it is."""
STALE = "STALE"
"""The status of a quote that is too old; another one's is where it comes from."""
_STATUSES = {"order-log": "entry", "breaks": "owner", "changes": "kind", "quotes": "source"}
_KINDS = {
    "orders": "order",
    "instructions": "instruction",
    "accounts": "account",
    "desk": "desk",
    "breaks": "break",
    "changes": "change",
    "quotes": "quote",
    "order-log": "log",
}


class Lines:
    """Prints a line for every row that changed; with ``as_json``, the row as JSON."""

    def __init__(
        self,
        screen: Screen,
        topics: Sequence[str],
        filters: Filters,
        *,
        count: int | None = None,
        backlog: bool = False,
    ) -> None:
        self._screen = screen
        self._topics = topics
        self._filters = filters
        self._left = count
        self._backlog = backlog
        self._quantities: dict[str, str] = {}
        self._breaks: dict[str, Item] = {}

    @property
    def needs(self) -> tuple[str, ...]:
        """The topics to join: those that are shown, and what the filters must know."""
        knowing = self._filters.need_kinds and "instructions" not in self._topics
        return (*self._topics, "instructions") if knowing else tuple(self._topics)

    def take(self, message: Message) -> None:
        """A line per row that passes the filters. Raises Enough."""
        chosen = self._filters.chosen(message)
        over = self._breaks_over(message)
        if message.topic not in self._topics or (message.is_snapshot and not self._backlog):
            return
        for item in chosen:
            self._show(message.topic, {"topic": message.topic, "seq": message.seq, **item}, item)
        for item in over:
            if self._filters.passes(item):
                self._show("breaks", {"topic": "breaks", "seq": message.seq, **item}, item)

    def recall(self, rows: Sequence[Item]) -> None:
        """A line per line of the order log that passes the filters. Raises Enough."""
        for row in rows:
            item = row if self._screen.as_json else self._with_its_own_quantity(row)
            if self._filters.passes(row):
                self._show("order-log", {"topic": "order-log", **row}, item)

    def note(self, text: str) -> None:
        """A remark, to stderr."""
        self._screen.note(text)

    def _breaks_over(self, message: Message) -> list[Item]:
        """The breaks that a message ends, as they were told last; of its own it tells their ids only."""
        if message.topic != "breaks":
            return []
        if message.is_snapshot:
            self._breaks.clear()
        self._breaks.update((str(item.get("break_id")), item) for item in message.items)
        # Its time is that of its last change, and the stream has none of its end.
        over = {"status": CLOSED, "time_ns": 0}
        return [{**self._breaks.pop(one, {"break_id": one}), **over} for one in message.gone]

    def _with_its_own_quantity(self, row: Item) -> Item:
        """An END tells only what was filled: with it, the quantity that the lines before told."""
        order_id, quantity = str(row.get("order_id")), row.get("quantity")
        if row.get("entry") in {"PLACED", "REPLACED"}:
            self._quantities[order_id] = str(quantity)
            while len(self._quantities) > QUANTITIES_KEPT:
                del self._quantities[next(iter(self._quantities))]
        if row.get("entry") != "END":
            return row
        return {**row, "quantity": self._quantities.get(order_id), "filled": quantity}

    def _show(self, topic: str, document: Item, item: Item) -> None:
        if self._screen.as_json:
            self._screen.document(document)
        else:
            self._screen.say(line(topic, item))
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                raise Enough


def line(topic: str, item: Mapping[str, object]) -> str:
    """One row as a line: time, what it is, its id, account, what, status, then whatever more there is."""
    what: object
    match topic:
        case "orders":
            key, what, rest = "order_id", _order_what(item), _order_rest(item)
        case "instructions":
            key, what, rest = "instruction_id", item.get("text"), _instruction_rest(item)
        case "order-log":
            key, what, rest = "order_id", _order_what(item), _log_rest(item)
        case "accounts":
            key, what, rest = "", f"cash {item.get('cash')}", [f"{item.get('open_orders')} open"]
        case "breaks":
            key, what, rest = "break_id", _break_what(item), _break_rest(item)
        case "changes":
            asked = f"asked by {item.get('asked_by')}, waits for another person"
            key, what, rest = "change_id", asked, _details(item)
        case "quotes":
            key, rest = "instrument", _quote_rest(item)
            what = f"{item.get('symbol')} {item.get('last')}"
        case _:
            key, what, rest = "name", item.get("text"), []
    status = item.get(_STATUSES.get(topic, "status"))
    if topic == "breaks":
        status = item.get("status") or status
    if topic == "quotes" and item.get("is_stale"):
        status = STALE
    cells = (
        f"{when(item):12}",
        f"{_KINDS.get(topic, topic):11}",
        f"{_text(item.get(key)):11}",
        f"{_text(item.get('account')):10}",
        f"{_text(what):30}",
        f"{_text(status):16}",
    )
    return "  ".join((*cells, *rest)).rstrip()


def when(item: Mapping[str, object]) -> str:
    """The time of day at the exchange; nothing for a row without a time."""
    time_ns, time = item.get("time_ns"), item.get("time")
    if isinstance(time_ns, int) and time_ns:
        return clock(time_ns)
    return str(time).partition("T")[2][:12] if time else ""


def milliseconds(tat_ns: object) -> str:
    """``1.50 ms``; nothing when it is not measured."""
    return f"{tat_ns / 1e6:.2f} ms" if isinstance(tat_ns, int) and tat_ns else ""


def ends(outcomes: object) -> str:
    """``40 filled, 2 rejected``."""
    counts = outcomes.items() if isinstance(outcomes, Mapping) else ()
    return ", ".join(f"{count} {str(name).lower().replace('_', ' ')}" for name, count in counts)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _quote_rest(item: Mapping[str, object]) -> list[str]:
    """Touch, range of the day and volume, as far as they are known."""
    words = []
    bid, ask = item.get("bid"), item.get("ask")
    if bid or ask:
        words.append(f"bid {bid or '-'} ask {ask or '-'}")
    words.append(f"day {item.get('low')} to {item.get('high')}")
    if item.get("volume") not in (None, "0"):
        words.append(f"volume {item.get('volume')}")
    return words


def _order_what(item: Mapping[str, object]) -> str:
    words = (item.get("side"), item.get("quantity"), item.get("symbol"))
    return " ".join(str(word) for word in words if word is not None)


def _order_rest(item: Mapping[str, object]) -> list[str]:
    words = []
    filled = item.get("filled")
    if filled not in (None, "", "0"):
        words.append(f"filled {filled} at {item.get('average_price')}")
    if tat := milliseconds(item.get("tat_ns")):
        words.append(f"TAT {tat}")
    return words + [str(item[name]) for name in ("flag", "reason", "message") if item.get(name)]


def _instruction_rest(item: Mapping[str, object]) -> list[str]:
    words = [f"{item.get('orders')} orders, {item.get('skips')} skipped"]
    if said := ends(item.get("outcomes")):
        words.append(said)
    if item.get("reason"):
        words.append(str(item["reason"]))
    return words


def _break_what(item: Mapping[str, object]) -> str:
    return " ".join(str(item[name]) for name in ("kind", "subject") if item.get(name))


def _break_rest(item: Mapping[str, object]) -> list[str]:
    values = f"ours {item.get('ours') or '-'}, theirs {item.get('theirs') or '-'}"
    return [values, *(str(item[name]) for name in ("reason", "note") if item.get(name))]


def _details(item: Mapping[str, object]) -> list[str]:
    details = item.get("details")
    return [str(one) for one in details] if isinstance(details, list) else []


def _log_rest(item: Mapping[str, object]) -> list[str]:
    price = item.get("price")
    words = [f"at {price}"] if price not in (None, "", "0") else []
    if item.get("entry") == "END":
        words = [" ".join((f"filled {item.get('filled')}", *words))]
    return words + [str(item[name]) for name in ("status", "text") if item.get(name)]
