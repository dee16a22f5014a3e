"""Facts for the record: who logged in or failed to, whose password was changed, who was refused.

A fact has a word, a subject (a user's or a key's name) and a short detail, and never a secret. What is a
command is on the record by its own event.
"""

from typing import Final, Protocol

from phalanx.access.errors import AccessError
from phalanx.api.guard import NOBODY, Forbidden
from phalanx.api.head import Scope
from phalanx.api.peers import address_of
from phalanx.api.problems import Problem
from phalanx.api.system import System
from phalanx.domain.audit import Act
from phalanx.domain.instructions import Door, Origin
from phalanx.engine.commands import RecordAccess

UNKNOWN: Final = NOBODY.name
"""The subject of a try under a name that nobody has: what was written there may be a secret."""


class Facts(Protocol):
    """Where facts go. Called on the loop's thread."""

    def tell(self, act: Act, subject: str, detail: str, origin: Origin) -> None:
        """Put one on the record."""
        ...


class NoFacts:
    """Before there is a system there is no record."""

    def tell(self, act: Act, subject: str, detail: str, origin: Origin) -> None:
        """Pass over it."""


class SystemFacts:
    """Facts in the journal of a system."""

    def __init__(self, system: System) -> None:
        self._system = system

    def tell(self, act: Act, subject: str, detail: str, origin: Origin) -> None:
        """Have it journaled; while the desk does not run nothing is done that would be a fact."""
        if self._system.desk.stopped is None:
            self._system.auditing.tell(RecordAccess(origin, act, subject, detail))


def tell_refused(facts: Facts, error: Problem | AccessError, scope: Scope, request_id: str) -> None:
    """Put on the record that somebody was not let in: for whom there is no door, who is not known, or whose
    session is over or password to be changed; those are known.
    """
    if isinstance(error, Forbidden):
        act, actor = Act.FORBIDDEN, error.actor
    elif isinstance(error, AccessError):
        act, actor = Act.UNAUTHENTICATED, error.actor or NOBODY.name
    else:
        return
    origin = Origin(actor, Door.ACCESS, request_id, address=address_of(scope))
    facts.tell(act, str(scope["path"]), error.code, origin)
