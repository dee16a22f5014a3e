"""The stub broker's wire: paths, and JSON that both its module and its server speak.

A request to place, cancel or replace is the port's own struct as JSON, its answer a `Reply`; a book is
a `BrokerBook`, a report an `ExecutionReport`. A real broker's module has a mapping in this place.
"""

from http import HTTPStatus

import msgspec

from phalanx.domain.orders import ExecutionReport

LOGIN = "/login"
PLACE = "/orders"
CANCEL = "/cancels"
REPLACE = "/replaces"
BOOK = "/book"
REPORTS = "/reports"

ANSWERING: frozenset[int] = frozenset(
    {HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}
)
"""The statuses with which the broker itself speaks; behind any other there may be anybody."""

POLL_S = 10
"""So long the broker holds a question for reports when there is none."""


class LoggedIn(msgspec.Struct, frozen=True):
    """A session. ``position``: reports are told from here on."""

    token: str
    position: int


class ReportsPage(msgspec.Struct, frozen=True):
    """What was reported since the position that was asked from. ``missed``: not all of it is there any
    more. ``position``: where to go on.
    """

    reports: tuple[ExecutionReport, ...]
    position: int
    missed: bool = False
