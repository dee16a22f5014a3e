"""A writer that goes on until it is killed: `python victim.py FOLDER`.

It prints the record number of each append that was acknowledged, after it was, and nothing else.
"""

import asyncio
import os
import sys
from collections import deque
from pathlib import Path

from phalanx.journal import SqliteJournal, Tail
from phalanx.journal.sqlite import writer

UNDER_WAY = 4


def body(record: int) -> bytes:
    """The body of this record number, whoever writes it."""
    return b"%d " % record * (record % 700 + 1)


async def main(folder: Path) -> None:
    writer.CHECKPOINT_BYTES = 60_000  # type: ignore[misc]
    journal = SqliteJournal(folder)
    record = journal.acquire().record
    os.write(1, b"0\n")
    waiting: deque[asyncio.Task[Tail]] = deque()
    while True:
        record += 1
        call = journal.append(body(record), 1, record.to_bytes(16, "big"))
        waiting.append(asyncio.create_task(call))
        if len(waiting) == UNDER_WAY:
            tail = await waiting.popleft()
            os.write(1, b"%d\n" % tail.record)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
