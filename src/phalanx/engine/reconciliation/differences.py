"""What a comparison says: counts, and single differences."""

import msgspec

from phalanx.domain.breaks import BreakKind


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


def fingerprint(kind: BreakKind, subject: str, ours: str, theirs: str) -> str:
    """Of a difference, or of the break that it became."""
    return f"{kind}|{subject}|{ours}|{theirs}"
