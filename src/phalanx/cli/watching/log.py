"""What happened before one began to watch: the permanent order log, from an event or a time on."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.client import Server
from phalanx.cli.remote.documents import decode, rows_of
from phalanx.cli.watching.messages import Item

PATH = "/api/v1/order-log"
PAGE = 1_000
_DURATION = re.compile(r"(\d{1,6})(s|m|h|d)", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SEQ = re.compile(r"\d{1,18}", re.ASCII)


class Log:
    """The lines after the event ``after``, each told once."""

    def __init__(self, there: Server, after: int) -> None:
        self._there = there
        self._after = after

    def pages(self, until: int) -> Iterator[Sequence[Item]]:
        """The lines up to the event ``until``, oldest first. Raises Failure."""
        skip = 0
        while self._after < until:
            asked = {"since_seq": self._after, "skip": skip, "limit": PAGE}
            rows = rows_of(self._there.read(PATH, asked))
            wanted = [row for row in rows if _seq(row) <= until]
            if wanted:
                yield wanted
            if len(wanted) < PAGE:
                return
            skip += PAGE

    def seen(self, seq: int) -> None:
        """Everything up to there has been told."""
        self._after = max(self._after, seq)


def log_since(there: Server, text: str, now: datetime) -> Log:
    """The log from an event's number or, ``10m``, from a while ago on. Raises Failure BAD_MOMENT."""
    if _SEQ.fullmatch(text):
        return Log(there, int(text))
    duration = _DURATION.fullmatch(text)
    if duration is None:
        detail = f"{text[:64]!r} is neither an event's number nor a while such as 90s, 10m, 2h, 1d"
        raise Failure(Exit.USAGE, "BAD_MOMENT", detail)
    seconds = int(duration[1]) * _UNITS[duration[2]]
    return Log(there, _last_before(there, now - timedelta(seconds=seconds)))


def _last_before(there: Server, time: datetime) -> int:
    """The event after which everything happened at ``time`` or later, found by halving."""
    newest = decode(there.read(PATH, {"limit": 1}))
    low, high = 0, _seq(newest, "as_of")
    while low < high:
        middle = (low + high) // 2
        rows = rows_of(there.read(PATH, {"since_seq": middle, "limit": 1}))
        if not rows or _time(rows[0]) >= time:
            high = middle
        else:
            low = max(middle + 1, _seq(rows[0]))
    return low


def _seq(row: object, field: str = "seq") -> int:
    value = row.get(field) if isinstance(row, dict) else None
    if not isinstance(value, int):
        raise Failure(Exit.FAILURE, "BAD_ANSWER", "a line of the order log has no number")
    return value


def _time(row: Item) -> datetime:
    try:
        time = datetime.fromisoformat(str(row.get("time")))
    except ValueError:
        raise Failure(Exit.FAILURE, "BAD_ANSWER", "a line of the order log has no time") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
