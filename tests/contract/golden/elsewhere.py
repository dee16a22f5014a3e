"""The broker beside paper: a stub exchange over HTTP that loses requests, answers and the order of reports."""

from collections.abc import Sequence

from phalanx.bootstrap import SystemClock
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.orders import ExecutionReport
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.http_messages import HttpMessage
from phalanx.simulation.stub_server import Parts, Query, StubServer

LATE_MS = 300
"""So long after it was written a request may reach it."""


class ForgetfulServer(StubServer):
    """Of the next orders ``deaf`` never reach the exchange; of the next ``mute`` ones no answer comes."""

    def __init__(self) -> None:
        super().__init__(StubExchange("stub", BrokerKind.LOOK_UP, SystemClock(), charge_bps=8))
        self.deaf = 0
        self.mute = 0
        self._held: list[ExecutionReport] | None = None

    def hold_reports(self) -> None:
        """From now on nobody is told anything."""
        self._held = []

    def tell_reports(self, order: Sequence[int]) -> None:
        """Tell what was held, in this order, and from now on everything at once again."""
        held, self._held = self._held or [], None
        for place in order:
            super()._hear(held[place])

    async def _place(self, message: HttpMessage, query: Query) -> Parts:
        if self.deaf:
            self.deaf -= 1
            raise ConnectionError("it never arrived")
        answer = await super()._place(message, query)
        if self.mute:
            self.mute -= 1
            raise ConnectionError("nobody hears the answer")
        return answer

    def _hear(self, report: ExecutionReport) -> None:
        if self._held is None:
            super()._hear(report)
        else:
            self._held.append(report)
