"""Following one instruction until nothing more comes of it, with a bar while it goes."""

import time
from dataclasses import dataclass

import msgspec

from phalanx.cli.display.progress import progress
from phalanx.cli.display.screen import Screen
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.instructing.draft import INSTRUCTIONS
from phalanx.cli.remote.answers import Progress
from phalanx.cli.remote.client import Server
from phalanx.cli.remote.documents import decode_as, rows_of

POLL_S = 0.2
RECENT = 100
"""Instructions asked for at a time: the one that is waited for is among the newest, mostly."""
_ENDS = ("filled", "canceled", "rejected", "expired", "not_received", "in_doubt")


@dataclass(frozen=True)
class Ended:
    """How far it came, and the server's own row of it."""

    progress: Progress
    row: dict[str, object]


def wait_until_ended(there: Server, screen: Screen, instruction_id: str, wait_s: float) -> Ended:
    """Ask until it is over or the time is; shows a bar meanwhile. Raises Failure."""
    deadline = time.monotonic() + wait_s
    with progress(screen, instruction_id, None) as move:
        while True:
            ended = _asked(there, instruction_id)
            move(ended.progress.orders_total - ended.progress.orders_open, counted(ended.progress))
            if ended.progress.ended or time.monotonic() >= deadline:
                return ended
            time.sleep(POLL_S)


def counted(progress: Progress) -> str:
    """``40 filled, 2 rejected, 3 open of 45``."""
    words = [
        f"{count:,} {name.replace('_', ' ')}"
        for name in _ENDS
        if (count := getattr(progress, name))
    ]
    if progress.orders_open:
        words.append(f"{progress.orders_open:,} open")
    return f"{', '.join(words) or 'nothing'} of {progress.orders_total:,} orders"


def say_progress(screen: Screen, ended: Ended) -> None:
    """What became of it: the server's row, or a line."""
    if screen.as_json:
        screen.document(ended.row)
        return
    screen.say(f"{ended.progress.status}: {counted(ended.progress)}")
    if ended.progress.in_doubt:
        screen.note("in doubt: the broker gave no answer; it is asked, and nothing is sent again")


def _asked(there: Server, instruction_id: str) -> Ended:
    for row in rows_of(there.read(INSTRUCTIONS, {"limit": RECENT})):
        if row.get("instruction_id") == instruction_id:
            return Ended(msgspec.convert(row, Progress), row)
    content = there.read(f"{INSTRUCTIONS}/{instruction_id}")
    (row,) = rows_of(content)
    return Ended(decode_as(content, Progress), row)


def known(there: Server, instruction_id: str) -> dict[str, object]:
    """An instruction with everything below it. Raises Failure UNKNOWN_INSTRUCTION."""
    from phalanx.cli.input.names import at

    rows = rows_of(there.read(at(INSTRUCTIONS, instruction_id)))
    if len(rows) != 1:
        raise Failure(Exit.FAILURE, "BAD_ANSWER", "the server's answer is no instruction")
    return rows[0]
