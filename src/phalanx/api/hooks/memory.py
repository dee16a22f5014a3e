"""What a server remembers of the sources of webhooks, and loses when it ends: their secrets, opened; the
nonces of the last minutes; how many alerts passed, and what became of them.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

from phalanx.access.throttle import Throttle, ThrottleRule, place_of
from phalanx.api.hooks.signatures import WINDOW_S
from phalanx.api.problems import Problem
from phalanx.domain.secrets import Secret
from phalanx.domain.time import MINUTE, SECOND, Clock, Nanoseconds

NONCES_MAX: Final = 10_000
"""So many alerts of one source may be within their windows; more are refused, none is forgotten early."""
NONCE_LIFE_NS: Final = (2 * WINDOW_S + 1) * SECOND
"""What is signed for the far end of the window is good for two of them, and a second is begun."""
PER_MINUTE_MAX: Final = 6_000
WRONG_TRIES: Final = ThrottleRule(free=20)


Secrets: TypeAlias = dict[int, Secret]
"""The secrets of a source by their places, the older first."""


class Counts(msgspec.Struct):
    """What became of a source's alerts since the server began. Times are wall clock, 0 for never.

    ``unverified``: they came in its name, and without its secret.
    """

    accepted: int = 0
    refused: int = 0
    throttled: int = 0
    unverified: int = 0
    last_accepted: Nanoseconds = 0
    last_refused: Nanoseconds = 0
    last_refusal: str = ""


class SourceMemory:
    """What is remembered of one source. ``fault``: the code of why its secrets could not be opened; they are
    tried again from ``open_again`` on (monotonic). ``is_opened``: they were.
    """

    def __init__(self) -> None:
        self.secrets: Secrets = {}
        self.fault = ""
        self.is_opened = False
        self.open_again: Nanoseconds = 0
        self.counts = Counts()
        self._nonces: dict[bytes, Nanoseconds] = {}
        self._passed: deque[Nanoseconds] = deque()
        self._told_busy: Nanoseconds | None = None

    def use_secrets(self, secrets: Secrets) -> None:
        """These are good from now on, and no others."""
        self.secrets, self.fault, self.is_opened = secrets, "", True

    def stay_closed(self, fault: str, open_again: Nanoseconds) -> None:
        """Nobody can show a secret of it."""
        self.secrets, self.fault, self.open_again = {}, fault, open_again

    def is_to_be_opened(self, now: Nanoseconds) -> bool:
        """Whether its secrets are to be read from the vault. ``now``: monotonic."""
        return not self.is_opened and now >= self.open_again

    def has_come(self, nonce: bytes, now: Nanoseconds) -> bool:
        """Whether this nonce was used within its window. ``now``: monotonic."""
        while self._nonces:
            oldest = next(iter(self._nonces))
            if self._nonces[oldest] > now:
                break
            del self._nonces[oldest]
        return nonce in self._nonces

    def use(self, nonce: bytes, now: Nanoseconds) -> None:
        """It is used from now on. Raises Problem ``HOOK_BUSY`` where there is no room to remember it."""
        if len(self._nonces) >= NONCES_MAX:
            raise _busy("too many alerts within their windows", WINDOW_S)
        self._nonces[nonce] = now + NONCE_LIFE_NS

    def give_back(self, nonce: bytes) -> None:
        """Nothing was decided about its alert: it may come again as it is."""
        self._nonces.pop(nonce, None)

    def check_rate(self, per_minute: int, now: Nanoseconds) -> None:
        """Whether another alert may pass in this minute. Raises Problem ``HOOK_BUSY``."""
        passed = self._passed
        while passed and passed[0] <= now - MINUTE:
            passed.popleft()
        if len(passed) >= per_minute:
            wait_s = -((now - MINUTE - passed[len(passed) - per_minute]) // SECOND)
            raise _busy(f"at most {per_minute} alerts a minute", wait_s)

    def is_to_be_told_busy(self, now: Nanoseconds) -> bool:
        """Whether it is to be told for the record that alerts are too many: once a minute."""
        is_due = self._told_busy is None or now - self._told_busy >= MINUTE
        if is_due:
            self._told_busy = now
        return is_due

    def passes(self, now: Nanoseconds) -> None:
        """One more passed."""
        self._passed.append(now)


class HookMemory:
    """What is remembered of all sources. ``wrong``: who tried wrongly too often, by their place."""

    def __init__(self, clock: Clock) -> None:
        self.wrong = Throttle(clock, WRONG_TRIES)
        self.opening = asyncio.Lock()
        """Whoever reads or changes secrets in the vault holds it."""
        self._sources: dict[str, SourceMemory] = {}

    def to_be_opened(self, sources: Iterable[str], now: Nanoseconds) -> tuple[str, ...]:
        """Those whose secrets are to be read from the vault. ``now``: monotonic."""
        return tuple(one for one in sources if self.of(one).is_to_be_opened(now))

    def of(self, source: str) -> SourceMemory:
        """What is remembered of a source that there is."""
        found = self._sources.get(source)
        if found is None:
            found = self._sources[source] = SourceMemory()
        return found

    def forget(self, source: str) -> None:
        """The source is gone, or new under an old name."""
        self._sources.pop(source, None)

    def count_wrong(self, address: str) -> None:
        """Somebody tried wrongly. Raises AccessError ``THROTTLED`` where they did too often."""
        self.wrong.enter(place_of(address))


def _busy(detail: str, wait_s: int) -> Problem:
    return Problem("HOOK_BUSY", detail, headers=((b"retry-after", b"%d" % max(wait_s, 1)),))
