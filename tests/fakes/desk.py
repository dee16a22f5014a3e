"""The desk's side of the broker port, as far as a test needs it: tickets and a report listener."""

from phalanx.brokers.port import Outcome
from phalanx.domain.orders import ExecutionReport
from phalanx.domain.reasons import Reason


class RecordingTicket:
    """Writes down what a session does with it; ``refuse`` is what the gate says."""

    def __init__(self, refuse: Reason | None = None, log: list[object] | None = None) -> None:
        self._refuse = refuse
        self._log = log
        self.calls: list[str] = []
        self.outcomes: list[Outcome] = []

    def admit(self) -> Reason | None:
        self.calls.append("admit")
        return self._refuse

    def written(self) -> None:
        self.calls.append("written")

    def done(self, outcome: Outcome) -> None:
        self.calls.append("done")
        self.outcomes.append(outcome)
        if self._log is not None:
            self._log.append(outcome)

    @property
    def outcome(self) -> Outcome:
        """The one outcome; fails while there is none."""
        assert len(self.outcomes) == 1, self.calls
        return self.outcomes[0]


class Reports(list[ExecutionReport]):
    """A report listener that keeps what it hears."""

    def of(self, cl_ord_id: str) -> list[ExecutionReport]:
        return [report for report in self if report.cl_ord_id == cl_ord_id]
