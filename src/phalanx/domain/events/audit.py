"""What people and machines do that is no order and no reference data: logins, users, keys, secrets."""

from phalanx.domain.audit import Act
from phalanx.domain.events.recorded import Recorded
from phalanx.domain.instructions import Origin
from phalanx.domain.time import Nanoseconds


class AccessRecorded(Recorded, frozen=True, tag=60):
    """Somebody did this, or tried. ``subject``: whom or what it is about (a user, a key, a login);
    ``detail``: a few words more, never a secret.

    ``count``: how many alike it stands for, the first of them at wall time ``first``.
    """

    origin: Origin
    act: Act
    subject: str
    detail: str = ""
    count: int = 1
    first: Nanoseconds = 0
