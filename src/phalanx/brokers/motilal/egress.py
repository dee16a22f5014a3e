"""The address that a login's orders leave from, and whether the broker takes orders from it."""

from ipaddress import ip_address

from phalanx.brokers.motilal.codes import WRONG_ADDRESS
from phalanx.brokers.motilal.outcomes import Judged
from phalanx.brokers.motilal.settings import LoginSettings
from phalanx.brokers.port import Accepted, Check
from phalanx.brokers.wire import Dialer
from phalanx.domain.time import MINUTE, Clock, Nanoseconds

SHUT: Nanoseconds = MINUTE
"""After an order was refused for its address the next new one waits so long to be refused as well."""


class Egress:
    """What is seen of it. The broker says so only about orders (MO2035). Where this machine leaves from a
    public address of its own, that is seen too; behind a translation of addresses it is not.
    """

    def __init__(self, settings: LoginSettings, dialer: Dialer, clock: Clock) -> None:
        self._settings = settings
        self._dialer = dialer
        self._clock = clock
        self._refused_at: Nanoseconds | None = None

    def judged(self, found: Judged) -> None:
        """An answer about an order: a code of another kind, or an acceptance, says that the address is good."""
        if found.code == WRONG_ADDRESS:
            self._refused_at = self._clock.monotonic()
        elif found.code or isinstance(found.outcome, Accepted):
            self._refused_at = None

    def is_shut(self) -> bool:
        """Whether no new order may leave."""
        refused_at = self._refused_at
        is_refused = refused_at is not None and self._clock.monotonic() - refused_at < SHUT
        return is_refused or bool(self._stranger())

    def check(self) -> Check:
        """What is known of the address now."""
        registered = " and ".join(self._settings.registered)
        stranger = self._stranger()
        if stranger:
            fix = f"let this login leave from {registered} (`source` in the file of logins)"
            return Check("address", ok=False, detail=f"orders leave from {stranger}", fix=fix)
        if self._refused_at is not None:
            detail = (
                f"the broker refused an order for its address; {registered} should be registered"
            )
            fix = "register the address that orders leave from in the broker's portal"
            return Check("address", ok=False, detail=detail, fix=fix)
        return Check("address", ok=True, detail=f"{registered} as registered; not refused so far")

    def _stranger(self) -> str:
        """A public address of this machine that orders would leave from, and that is not registered."""
        local = self._dialer.local
        is_ours = not local or local in self._settings.registered
        return "" if is_ours or not ip_address(local).is_global else local
