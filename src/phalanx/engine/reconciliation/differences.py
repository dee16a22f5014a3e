"""What a comparison says: counts, and single differences."""

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.breaks import BreakKind, fingerprint
from phalanx.domain.broker_books import BrokerOrder, BrokerTrade
from phalanx.domain.orders import ClOrdId


class Difference(msgspec.Struct, frozen=True, gc=False):
    """One thing that is not the same with us and at the broker; the fields are a ``Break``'s."""

    kind: BreakKind
    subject: str
    ours: str
    theirs: str
    reason: str

    @property
    def fingerprint(self) -> str:
        """The same text as long as the same values differ, whatever the sentence."""
        return fingerprint(self.kind, self.subject, self.ours, self.theirs)


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a report: how many there are with us and at the broker, and how many of them agree.

    ``what`` is ``orders``, ``trades``, ``positions`` or ``cash`` (one with each). ``foreign``: somebody's
    outside. ``told``: the broker has such to tell; else only ``ours`` means something. ``doubtful``: so
    many differ as an order in doubt, or an execution that may be its, could explain; no breaks of
    their own.
    """

    what: str
    ours: int
    theirs: int
    matched: int
    foreign: int
    told: bool = True
    doubtful: int = 0


class Comparison(msgspec.Struct, frozen=True, gc=False):
    """One reading against our books.

    ``doubtful``: our orders that are in doubt, or have a request that is. ``absent``: those of them of
    which this reading counts as one look that the order, or the request's effect, is not there (its
    quiet time is over and the reading does not show it); how many in a row is ``FileDifferences.absences``.
    ``sighted``: those of which it counts as one look that a replace had its effect, where one look proves
    nothing; how many in a row is ``FileDifferences.sights``.
    ``overdue``: our orders that work with us, of which it counts as one look that they ended with their day;
    how many in a row is ``FileDifferences.absences`` too.
    ``candidates``: orders there that nobody of ours has, and one that nobody knows could be.
    ``retired``: executions of orders of ours that left memory, not booked from here yet; the
    archive knows whether they were booked in their time (``BookLateFill``).
    """

    account: AccountId
    lines: tuple[Line, ...]
    differences: tuple[Difference, ...]
    doubtful: tuple[ClOrdId, ...]
    absent: tuple[ClOrdId, ...]
    retired: tuple[BrokerTrade, ...]
    sighted: tuple[ClOrdId, ...] = ()
    candidates: tuple[BrokerOrder, ...] = ()
    overdue: tuple[ClOrdId, ...] = ()
