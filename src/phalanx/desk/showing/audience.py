"""The audience: whoever is told what became durable, after the orders went out. None of it may stop them."""

from collections.abc import Callable, Sequence

from phalanx.desk.showing.boards import Boards
from phalanx.desk.telemetry import Telemetry
from phalanx.domain.events import Event

Observer = Callable[[Sequence[Event], int], None]


class Audience:
    """The figures, the boards with their stream, and observers. What fails goes to ``say`` and no further."""

    def __init__(
        self, telemetry: Telemetry, boards: Boards, say: Callable[[str, Exception], None]
    ) -> None:
        self._telemetry = telemetry
        self._boards = boards
        self._say = say
        self._observers: list[Observer] = []

    def observe(self, observer: Observer) -> None:
        """Tell ``observer(events, last seq)`` of every group; it must return at once."""
        self._observers.append(observer)

    def show(self, events: Sequence[Event], last_seq: int) -> None:
        """These are durable, the last of them ``last_seq``."""
        try:
            self._telemetry.committed(events)
            self._boards.publish(events, last_seq)
        except Exception as failure:  # noqa: BLE001  the readers are told, the orders go on
            self._say("stream", failure)
            self._boards.stream.close()
        for observer in self._observers:
            try:
                observer(events, last_seq)
            except Exception as failure:  # noqa: BLE001  one observer is not the others' business
                self._say("observer", failure)
