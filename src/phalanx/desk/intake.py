"""What the desk lets in: how much one command may write, and what still passes under load."""

from collections.abc import Iterable

from phalanx.domain.events import Event, encode_event
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
    InstructionRequest,
    OrderRequest,
    SignalRequest,
)
from phalanx.domain.orders import Side
from phalanx.engine import commands as c
from phalanx.engine.reconciliation.commands import CloseBreak, JudgeDoubt, TakeBreak
from phalanx.engine.refused import Refused

COMMAND_BYTES_MAX = 8 << 20
"""Most that one command may write; it is one record, whatever its size."""


def encoded(events: Iterable[Event]) -> list[bytes]:
    """The events of one command as they will be journaled. Raises Refused ``PLAN_TOO_LARGE``."""
    blobs = [encode_event(event) for event in events]
    if sum(map(len, blobs)) > COMMAND_BYTES_MAX:
        raise Refused("PLAN_TOO_LARGE", f"more than {COMMAND_BYTES_MAX >> 20} MiB")
    return blobs


def only_lessens_risk(command: c.Command) -> bool:
    """Cancels, exits, kills, and what a person settles: they pass when new risk is turned away."""
    match command:
        case c.CancelOrder() | c.PutKill() | TakeBreak() | CloseBreak() | JudgeDoubt():
            return True
        case c.Submit(request=request):
            return _only_sells(request)
        case _:
            return False


def _only_sells(request: InstructionRequest) -> bool:
    match request:
        case SignalRequest() | OrderRequest() | AllocatedRequest():
            return request.side is Side.SELL
        case BatchRequest():
            return all(row.side is Side.SELL for row in request.rows)
        case ExitRequest() | CancelRestRequest() | CancelOpenRequest():
            return True
        case _:
            return False
