"""How many requests a second: by the seconds of the broker's clock, for each client on each exchange."""

from phalanx.domain.time import SECOND, Nanoseconds


class ClockSeconds:
    """Counts what came in the current second; a new second begins at zero, however near the last one was."""

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self._second = -1
        self._counts: dict[tuple[str, str], int] = {}

    def take(self, client: str, exchange: str, now: Nanoseconds) -> bool:
        """Count one more; false: it is one too many."""
        second = now // SECOND
        if second != self._second:
            self._second = second
            self._counts.clear()
        count = self._counts.get((client, exchange), 0) + 1
        self._counts[client, exchange] = count
        return count <= self._count_max
