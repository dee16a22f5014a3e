"""What goes wrong on demand: between a client and the broker, and inside it."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

FAULTS_MAX: Final = 1_000


class FaultKind(StrEnum):
    """What one fault does.

    Of an HTTP call: LOST, SILENT, LATE, STATUS, CODE, EMPTY, NOT_JSON, WRONG_TYPES, ODD_ENVELOPE, NAN, SLOW,
    LATENCY. Of an order: REJECT. Of the frames of the order stream: WS_MISS, WS_DUPLICATE, WS_SWAP, WS_LATE,
    WS_GARBAGE.
    """

    LOST = "lost"
    """Done, and the connection ends without an answer."""
    SILENT = "silent"
    """Done, and nothing is ever said."""
    LATE = "late"
    """The connection ends at once; it is done ``delay_ms`` later."""
    STATUS = "status"
    """An HTTP ``status`` with a page for a body: 502, 401, 403."""
    CODE = "code"
    """The failure ``code`` in an envelope: MO5001, MO5002, MO2035, MO8002; empty: the rate is exceeded."""
    EMPTY = "empty"
    NOT_JSON = "not_json"
    WRONG_TYPES = "wrong_types"
    """Numbers come as texts, and texts that are numbers as numbers."""
    ODD_ENVELOPE = "odd_envelope"
    """As it was seen at times: ``errorCode``, FAILED, and the text "null" for no data."""
    NAN = "nan"
    """Numbers come as NaN, which is no JSON."""
    SLOW = "slow"
    """The answer comes in pieces, over ``delay_ms``."""
    LATENCY = "latency"
    """It is looked at ``delay_ms`` after it came."""
    REJECT = "reject"
    """An order that was accepted is rejected with ``text``."""
    WS_MISS = "ws_miss"
    WS_DUPLICATE = "ws_duplicate"
    WS_SWAP = "ws_swap"
    """A frame comes behind the next one."""
    WS_LATE = "ws_late"
    """A frame comes ``delay_ms`` later."""
    WS_GARBAGE = "ws_garbage"
    """Something that is no JSON comes before a frame."""


OF_FRAMES: Final = frozenset(
    {
        FaultKind.WS_MISS,
        FaultKind.WS_DUPLICATE,
        FaultKind.WS_SWAP,
        FaultKind.WS_LATE,
        FaultKind.WS_GARBAGE,
    }
)
OF_ORDERS: Final = frozenset({FaultKind.REJECT})
OF_CALLS: Final = frozenset(FaultKind) - OF_FRAMES - OF_ORDERS


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that goes wrong ``times`` times; 0: until it is cleared.

    ``path``: what the call's path ends with; ``client``: whose call, order or frame; empty for any.
    ``is_done``: whether the call takes effect although its answer is a failure (STATUS, CODE, EMPTY, NOT_JSON).
    """

    kind: FaultKind
    path: str = ""
    client: str = ""
    times: int = 1
    is_done: bool = False
    status: int = 502
    code: str = ""
    text: str = "Rejected by the exchange"
    delay_ms: int = 0


class Faults:
    """The faults that are in wait, the oldest first; one meets a call, an order or a frame at most."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int]] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter([fault for fault, _ in self._waiting])

    def add(self, fault: Fault) -> None:
        """It waits for its turn. Raises ValueError where too many wait, or a number makes no sense."""
        if len(self._waiting) >= FAULTS_MAX:
            raise ValueError(f"more than {FAULTS_MAX} faults are waiting")
        if fault.times < 0 or fault.delay_ms < 0 or not 200 <= fault.status <= 599:  # noqa: PLR2004  HTTP's
            raise ValueError("times, delay_ms or status is out of range")
        self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()

    def of_call(self, path: str, client: str) -> Fault | None:
        """What goes wrong with this call."""
        return self._take(OF_CALLS, client, path)

    def of_order(self, client: str) -> Fault | None:
        """What goes wrong with this order."""
        return self._take(OF_ORDERS, client)

    def of_frame(self, client: str) -> Fault | None:
        """What goes wrong with this frame."""
        return self._take(OF_FRAMES, client)

    def _take(self, kinds: frozenset[FaultKind], client: str, path: str = "") -> Fault | None:
        for place, (fault, left) in enumerate(self._waiting):
            is_meant = fault.kind in kinds and path.endswith(fault.path)
            if is_meant and fault.client in {"", client}:
                if left == 1:
                    del self._waiting[place]
                elif left:
                    self._waiting[place] = (fault, left - 1)
                return fault
        return None
