"""The paper link of a world: it hears every write, and its faults are those it was told to have."""

import random

import pytest

from phalanx.brokers.port import Accepted, NeverWritten, Unknown
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.simulation.paper_link import FaultPlan, PaperLink, Request
from tests.fakes.desk import RecordingTicket, Reports
from tests.fakes.paper import order
from tests.fakes.scripted_broker import ScriptedBroker, accept

ALWAYS = 10_000
NO = Reason(ReasonCode.SEND_DEADLINE)


def link(plan: FaultPlan) -> tuple[PaperLink, ScriptedBroker, list[Request]]:
    broker, written = ScriptedBroker(usual=accept), list[Request]()
    return PaperLink(broker, written.append, plan, random.Random(0)), broker, written


def test_a_link_without_faults_is_only_heard() -> None:
    found, broker, written = link(FaultPlan())
    ticket, request = RecordingTicket(), order()

    found.place(request, ticket)

    assert ticket.calls == ["admit", "written", "done"]
    assert ticket.outcome == Accepted(f"B{request.cl_ord_id}")
    assert written == broker.asked == [request]
    assert found.capabilities is broker.capabilities


def test_what_the_gate_refuses_is_not_written() -> None:
    found, _, written = link(FaultPlan(lost_answer_bps=ALWAYS))
    ticket = RecordingTicket(refuse=NO)

    found.place(order(), ticket)

    assert ticket.calls == ["admit"]
    assert written == []


def test_an_answer_can_be_lost() -> None:
    found, _, written = link(FaultPlan(lost_answer_bps=ALWAYS))
    ticket = RecordingTicket()

    found.place(order(), ticket)

    assert isinstance(ticket.outcome, Unknown)
    assert len(written) == 1


def test_a_broker_can_be_out_of_reach() -> None:
    found, broker, written = link(FaultPlan(unreachable_bps=ALWAYS))
    ticket = RecordingTicket()

    found.place(order(), ticket)

    assert ticket.outcome == NeverWritten(Reason(ReasonCode.BROKER_UNREACHABLE), again=True)
    assert broker.asked == written == []


@pytest.mark.parametrize(("share", "times"), [(0, 1), (ALWAYS, 2)])
def test_a_report_can_come_twice(share: int, times: int) -> None:
    found, broker, _ = link(FaultPlan(repeated_report_bps=share))
    reports = Reports()
    found.listen(reports.append)

    broker.fill("AA00000001", 1)

    assert len(reports) == times
