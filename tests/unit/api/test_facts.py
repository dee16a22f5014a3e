"""What goes on the record of those who are not let in."""

import pytest

from phalanx.access.errors import AccessCode, AccessError, session_ended, unauthenticated
from phalanx.api.facts import tell_refused
from phalanx.api.guard import Forbidden
from phalanx.api.problems import Problem
from phalanx.domain.access import Permission, Principal, PrincipalKind
from phalanx.domain.audit import Act
from phalanx.domain.instructions import Origin

VERA = Principal("vera", PrincipalKind.USER, frozenset({Permission.READ}))


class Heard(list[tuple[Act, str, str, str, str]]):
    def tell(self, act: Act, subject: str, detail: str, origin: Origin) -> None:
        self.append((act, subject, detail, origin.actor, origin.address))


def told(error: Problem | AccessError) -> Heard:
    heard = Heard()
    tell_refused(heard, error, {"client": ("198.51.100.7", 1), "path": "/x"}, "r1")
    return heard


def test_who_may_not_is_named() -> None:
    assert told(Forbidden(VERA, "this needs the permission admin")) == [
        (Act.FORBIDDEN, "/x", "FORBIDDEN", "vera", "198.51.100.7")
    ]


@pytest.mark.parametrize("error", [unauthenticated(), session_ended()])
def test_who_is_not_known_is_nobody(error: AccessError) -> None:
    assert told(error) == [(Act.UNAUTHENTICATED, "/x", error.code, "nobody", "198.51.100.7")]


@pytest.mark.parametrize(
    "error",
    [session_ended("vera"), AccessError(AccessCode.PASSWORD_CHANGE_NEEDED, "no", actor="vera")],
)
def test_who_is_known_and_may_not_go_on_is_named(error: AccessError) -> None:
    assert told(error) == [(Act.UNAUTHENTICATED, "/x", error.code, "vera", "198.51.100.7")]


def test_what_is_wrong_with_the_request_itself_is_no_fact() -> None:
    assert told(Problem("HOST_NOT_ALLOWED", "another name")) == []
