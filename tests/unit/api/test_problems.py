import msgspec
import pytest

from phalanx.api.problems import STATUSES, Problem, as_problem
from phalanx.desk.errors import DeskError, Overloaded, Stopped
from phalanx.engine.refused import Refused


def test_a_document_says_all_that_is_known() -> None:
    problem = Problem("BAD_NUMBER", "not a number", field="lot_size", line=7)

    assert msgspec.json.decode(problem.document("r-1")) == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "not a number",
        "code": "BAD_NUMBER",
        "field": "lot_size",
        "line": 7,
        "request_id": "r-1",
    }


def test_a_document_is_silent_about_what_does_not_apply() -> None:
    found = msgspec.json.decode(Problem("NOT_FOUND", "nothing").document("r-1"))

    assert set(found) == {"type", "title", "status", "detail", "code", "request_id"}


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (Problem("BODY_TOO_LARGE", ""), "BODY_TOO_LARGE", 413),
        (Refused("UNKNOWN_ORDER", ""), "UNKNOWN_ORDER", 404),
        (Refused("REQUEST_PENDING", ""), "REQUEST_PENDING", 409),
        (Refused("PLAN_TOO_LARGE", ""), "PLAN_TOO_LARGE", 422),
        (Refused("IDEMPOTENCY_KEY_REUSED", ""), "IDEMPOTENCY_KEY_REUSED", 422),
        (Overloaded(3), "OVERLOADED", 503),
        (Stopped("journal failed"), "DESK_STOPPED", 503),
        (DeskError("x"), "DESK_ERROR", 503),
        (KeyError("secret"), "INTERNAL_ERROR", 500),
    ],
)
def test_every_error_has_a_code_and_a_status(error: Exception, code: str, status: int) -> None:
    problem = as_problem(error)

    assert (problem.code, problem.status) == (code, status)


def test_an_overloaded_desk_says_when_to_come_back() -> None:
    assert as_problem(Overloaded(3)).headers == ((b"retry-after", b"3"),)


def test_an_unforeseen_error_tells_nothing_of_the_inside() -> None:
    assert b"secret" not in as_problem(KeyError("secret")).document("r-1")


def test_statuses_are_those_of_errors() -> None:
    assert all(400 <= status < 600 for status in STATUSES.values())
