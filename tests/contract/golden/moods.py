"""A paper broker that is sometimes unreachable, and sometimes forgets to answer."""

from phalanx.brokers.paper import PaperBroker
from phalanx.brokers.port import (
    CancelRequest,
    NeverWritten,
    Outcome,
    PlaceRequest,
    ReplaceRequest,
    Ticket,
    Unknown,
)
from phalanx.domain.reasons import Reason, ReasonCode


class MoodyPaper(PaperBroker):
    """``unreachable`` requests never leave and may be tried again; of ``mute`` ones no answer comes."""

    unreachable = 0
    mute = 0

    def place(self, request: PlaceRequest, ticket: Ticket) -> None:
        """See `PaperBroker.place`."""
        if MoodyPaper.unreachable:
            MoodyPaper.unreachable -= 1
            reason = Reason(ReasonCode.BROKER_UNREACHABLE)
            ticket.done(NeverWritten(reason, again=True))
            return
        super().place(request, _heard(ticket))

    def cancel(self, request: CancelRequest, ticket: Ticket) -> None:
        """See `PaperBroker.cancel`."""
        super().cancel(request, _heard(ticket))

    def replace(self, request: ReplaceRequest, ticket: Ticket) -> None:
        """See `PaperBroker.replace`."""
        super().replace(request, _heard(ticket))


def _heard(ticket: Ticket) -> Ticket:
    """The ticket, or while the broker is mute one that hears nothing."""
    if not MoodyPaper.mute:
        return ticket
    MoodyPaper.mute -= 1
    return _MuteTicket(ticket)


class _MuteTicket:
    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket

    def admit(self) -> Reason | None:
        return self._ticket.admit()

    def written(self) -> None:
        self._ticket.written()

    def done(self, outcome: Outcome) -> None:
        if not isinstance(outcome, NeverWritten):
            outcome = Unknown("no answer came")
        self._ticket.done(outcome)
