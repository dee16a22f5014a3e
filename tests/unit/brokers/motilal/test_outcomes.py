import pytest

from phalanx.brokers.motilal.codes import AMBIGUOUS, DEFINITE, SESSION_OVER
from phalanx.brokers.motilal.outcomes import judge
from phalanx.brokers.motilal.terms import motilal_capabilities
from phalanx.brokers.port import Accepted, Refused, Unknown
from phalanx.brokers.wire import Answer
from tests.unit.brokers.motilal.samples import CANCELED, MODIFIED, PLACED, REFUSED

TABLE = motilal_capabilities()


def failure(code: str) -> bytes:
    return b'{"status":"FAILURE","message":"no","errorcode":"%b"}' % code.encode()


def test_a_new_order_has_the_id_of_the_answer() -> None:
    assert judge(Answer(200, PLACED), TABLE).outcome == Accepted("2400155AA020")


@pytest.mark.parametrize("body", [MODIFIED, CANCELED], ids=["modify", "cancel"])
def test_a_request_about_an_order_keeps_its_id(body: bytes) -> None:
    assert judge(Answer(200, body), TABLE, "7AA020").outcome == Accepted("7AA020")


def test_a_new_order_without_an_id_is_unknown() -> None:
    assert isinstance(judge(Answer(200, MODIFIED), TABLE).outcome, Unknown)


def test_a_failure_within_http_200_is_a_refusal_where_its_code_is_declared() -> None:
    expected = Refused("MO1057", "Invalid Product Type Parameter")

    assert judge(Answer(200, REFUSED), TABLE).outcome == expected


@pytest.mark.parametrize(
    "code", ["M01108", "MO1057", "MO1074", "MO1088", "MO1089", "MO2003", "MO2035", "MO5003"]
)
def test_a_declared_code_proves_a_refusal(code: str) -> None:
    assert judge(Answer(200, failure(code)), TABLE).outcome == Refused(code, "no")


@pytest.mark.parametrize("code", [*sorted(AMBIGUOUS), "MO9999", "", "MO3001", "429"])
def test_any_other_code_proves_nothing(code: str) -> None:
    assert isinstance(judge(Answer(200, failure(code)), TABLE).outcome, Unknown)


@pytest.mark.parametrize("status", [201, 302, 400, 404, 429, 500, 502, 503])
def test_behind_another_status_nothing_is_believed(status: int) -> None:
    assert isinstance(judge(Answer(status, PLACED), TABLE).outcome, Unknown)
    assert isinstance(judge(Answer(status, REFUSED), TABLE).outcome, Unknown)


@pytest.mark.parametrize("body", [b"", b"null", b"OK", b"{", b'{"status":7}', b"\x00"])
def test_what_is_not_the_brokers_is_unknown(body: bytes) -> None:
    assert isinstance(judge(Answer(200, body), TABLE).outcome, Unknown)


@pytest.mark.parametrize("code", sorted(SESSION_OVER))
def test_a_dead_session_is_a_refusal_that_says_so(code: str) -> None:
    found = judge(Answer(200, failure(code)), TABLE)

    assert found.outcome == Refused(code, "no")
    assert found.is_session_over


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_by_the_edge_ends_the_session_and_proves_nothing(status: int) -> None:
    found = judge(Answer(status, b"<html>"), TABLE)

    assert isinstance(found.outcome, Unknown)
    assert found.is_session_over


def test_an_acceptance_behind_a_401_is_unknown() -> None:
    assert isinstance(judge(Answer(401, PLACED), TABLE).outcome, Unknown)


def test_what_may_have_arrived_is_never_declared_definite() -> None:
    assert not AMBIGUOUS & DEFINITE
    assert TABLE.definite_codes == DEFINITE
