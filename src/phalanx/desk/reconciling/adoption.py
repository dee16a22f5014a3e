"""What a reading of an account's book comes to: adopted, compared, and counted as evidence."""

from collections.abc import Callable, Mapping

import msgspec

from phalanx.desk.reconciling.late_reports import LateReports, Saying
from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.orders import ClOrdId
from phalanx.domain.time import MILLISECOND, Clock, Nanoseconds
from phalanx.engine.commands import BookUnread, Command, FileDifferences
from phalanx.engine.reconciliation.comparison import compare
from phalanx.engine.reconciliation.differences import Comparison
from phalanx.engine.reconciliation.matching import match
from phalanx.engine.reconciliation.sanity import why_incomplete
from phalanx.engine.reconciliation.steps import steps
from phalanx.engine.state import State

EVENTS_AT_ONCE_MAX = 500
"""So many events of one reading, then the others have their turn. A command that comes to nothing does not
count: it would come to nothing again.
"""


class Evidence(msgspec.Struct, frozen=True):
    """What the readings of an account until now add up to. See `FileDifferences` for all but one.

    ``since``: when this process first read about each doubt, by the clock that nobody sets.
    """

    absences: Mapping[ClOrdId, int] = {}
    asked: Mapping[ClOrdId, int] = {}
    standing: frozenset[str] = frozenset()
    since: Mapping[ClOrdId, Nanoseconds] = {}
    sights: Mapping[ClOrdId, int] = {}

    def after(self, before: Comparison, now: Nanoseconds, quiet_ns: Nanoseconds) -> "Evidence":
        """With one more complete reading, as it compared before anything of it was adopted, at ``now``
        (monotonic). A wall clock that steps forward shortens nobody's quiet time.
        """
        since = {id: self.since.get(id, now) for id in before.doubtful}
        absent = [id for id in before.absent if now - since.get(id, now) >= quiet_ns]
        return Evidence(
            {id: self.absences.get(id, 0) + 1 for id in (*absent, *before.overdue)},
            {id: self.asked.get(id, 0) + 1 for id in before.doubtful},
            self.standing,
            since,
            {id: self.sights.get(id, 0) + 1 for id in before.sighted},
        )

    def early(self, now: Nanoseconds, quiet_ns: Nanoseconds) -> frozenset[ClOrdId]:
        """The doubts whose quiet time is not over at ``now`` (monotonic), whatever a wall clock says."""
        return frozenset(id for id, since in self.since.items() if now - since < quiet_ns)

    def interrupted(self) -> "Evidence":
        """A reading failed: what was absent was not so in a row."""
        return Evidence({}, self.asked, self.standing, self.since)


class Adoption:
    """Makes ours what a broker knows. ``decide`` takes each command and raises what is wrong with it;
    ``say`` makes a fault visible.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        decide: Callable[[Command], None],
        late: LateReports,
        say: Saying,
    ) -> None:
        self.say = say
        self._state = state
        self._clock = clock
        self._decide = decide
        self._late = late

    def adopt(
        self, book: BrokerBook, capabilities: Capabilities, evidence: Evidence
    ) -> tuple[Comparison | None, Evidence]:
        """Take in a reading that is complete (here it is seen to, for all that is made of it): how it compares
        afterwards, and what is known for the next one.

        What makes more than `EVENTS_AT_ONCE_MAX` is taken in by several readings, each in a turn of its
        own: None where the next one is to go on.

        Raises OSError when the reading is not complete, and whatever a step of it raises; the steps
        before that one stay taken.
        """
        odd = why_incomplete(self._state, book)
        if odd:
            raise OSError(odd)
        quiet_ns = (capabilities.late_ms or 0) * MILLISECOND
        state, now = self._state, self._clock.now()
        matching = match(state, book, capabilities)
        left = compare(state, book, capabilities, now, matching)
        found = evidence.after(left, self._clock.monotonic(), quiet_ns)
        early = found.early(self._clock.monotonic(), quiet_ns)
        reading = FileDifferences(
            book,
            found.absences,
            found.asked,
            found.standing,
            found.sights,
            early=early,
            left=left,
        )
        most = self._state.seq + EVENTS_AT_ONCE_MAX
        for command in steps(state, reading, capabilities, now, matching):
            if self._state.seq >= most:
                return None, found
            if isinstance(command, FileDifferences):
                left = command.left or left
            self._decide(command)
        self._late.trades(book.account, left.retired)
        standing = frozenset(difference.fingerprint for difference in left.differences)
        return left, msgspec.structs.replace(found, standing=standing)

    def unread(self, account: AccountId, why: str) -> None:
        """The account's book could not be read, as often as was tried: a break says so."""
        self._decide(BookUnread(account, why))
