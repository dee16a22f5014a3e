"""Tickets: a browser cannot send a token when it opens a WebSocket, and a token in a URL would be logged.

A ticket is good for one socket and for half a minute, and says nothing of who it is for.
"""

from collections import OrderedDict
from secrets import token_urlsafe
from typing import Final

import msgspec

from phalanx.domain.access import Principal
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND, Nanoseconds

LIFE_NS: Final = 30 * SECOND
WAITING_MAX: Final = 10_000
PER_SESSION_MAX: Final = 20
TICKET_BYTES: Final = 32


class _Ticket(msgspec.Struct, frozen=True):
    principal: Principal
    until: Nanoseconds


class Tickets:
    """Those that were given and not used. ``now``: monotonic, nanoseconds."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, _Ticket] = OrderedDict()

    def give(self, principal: Principal, now: Nanoseconds) -> Secret:
        """A ticket. The oldest one goes where there are too many, of one session first."""
        self._forget_over(now)
        of = principal.session
        mine = [key for key, one in self._waiting.items() if one.principal.session == of]
        if len(mine) >= PER_SESSION_MAX:
            del self._waiting[mine[0]]
        elif len(self._waiting) >= WAITING_MAX:
            self._waiting.popitem(last=False)
        ticket = token_urlsafe(TICKET_BYTES)
        self._waiting[ticket] = _Ticket(principal, now + LIFE_NS)
        return Secret(ticket)

    def take(self, ticket: str, now: Nanoseconds) -> Principal | None:
        """Who it was given to; from now on it is good for nothing."""
        found = self._waiting.pop(ticket, None)
        return found.principal if found is not None and now < found.until else None

    def _forget_over(self, now: Nanoseconds) -> None:
        while self._waiting and next(iter(self._waiting.values())).until <= now:
            self._waiting.popitem(last=False)
