"""What all events have in common."""

import msgspec

from phalanx.domain.time import Nanoseconds


class Recorded(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Every event begins with the wall time at which it was decided."""

    time: Nanoseconds
