"""What a server process keeps to itself: its memory, and the files that it makes.

Its memory holds keys and credentials in the clear, and its files everybody's orders.
"""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

OWNER_ONLY: Final = 0o700
"""The mode of a data folder."""
_OTHERS_NOTHING: Final = 0o077
_SET_DUMPABLE: Final = 4
"""``PR_SET_DUMPABLE`` of prctl(2)."""


@contextmanager
def own_files_only() -> Iterator[None]:
    """What is made in this block, by this process or one that it starts, others may not read."""
    before = os.umask(_OTHERS_NOTHING)
    try:
        yield
    finally:
        os.umask(before)


def close_memory() -> bool:
    """No core dump of this process nor of one that it starts; whether it is closed to its own user, too.

    On Linux a process that cannot be dumped cannot be traced, and ``/proc/PID/mem`` and ``environ`` are for
    root. Elsewhere there is only the limit.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return False
    import ctypes

    # Where the C library has no prctl, or the kernel refuses, the limit stands.
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    return prctl is not None and prctl(_SET_DUMPABLE, 0, 0, 0, 0) == 0
