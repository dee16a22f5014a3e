"""The checklist of an account before the open: what is known, gathered; nobody is asked for any of it."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from phalanx.brokers.port import Broker, Check, TellsReadiness
from phalanx.desk.reconciling.account_reports import AccountReport, ReadStatus
from phalanx.domain.accounts import PAPER_BROKER, Account, AccountId
from phalanx.domain.numbers import format_fixed
from phalanx.domain.time import HOUR, Nanoseconds, iso, trading_day
from phalanx.engine.reconciliation.breaks import is_settled
from phalanx.engine.state import State
from phalanx.market.feeds.port import FeedState

LIVE_FEED: Final = "broadcast"
"""The only feed whose prices are the market's."""


class Surroundings(msgspec.Struct, frozen=True):
    """What is around the accounts at ``now``: whether a calendar ``knows_day``, how the feed named ``feed``
    is, and how many instruments there are.
    """

    now: Nanoseconds
    knows_day: bool
    feed: str
    feed_state: FeedState
    instruments: int


class Checklist:
    """The checks of accounts at one moment. ``closed``: those that are not open, each with why."""

    def __init__(
        self,
        state: State,
        brokers: Mapping[str, Broker],
        closed: Mapping[AccountId, str],
        around: Surroundings,
    ) -> None:
        self._state = state
        self._brokers = brokers
        self._closed = closed
        self._around = around
        self._zone = state.settings.zone_offset_s
        self._logins: dict[tuple[str, str], tuple[Check, ...]] = {}
        self._day = _day(around)
        self._live = (self._instruments(), self._feed())

    def checks(self, account: Account, report: AccountReport) -> Iterator[Check]:
        """Those of an account, of which its last ``report`` is this one. What the market is asked for (prices,
        the instruments of today) is checked where orders reach it, and not on paper.
        """
        yield from self._login(account.broker, account.login)
        yield self._books(account, report)
        yield self._funds(account, report)
        if account.broker != PAPER_BROKER:
            yield from self._live
            yield self._armed(account)
        yield self._day

    # --- an account's ------------------------------------------------------------------------------

    def _login(self, name: str, login: str) -> tuple[Check, ...]:
        """Those of a login, looked at once for all its accounts."""
        found = self._logins.get((name, login))
        if found is None:
            found = self._logins[name, login] = self._look(name, login)
        return found

    def _look(self, name: str, login: str) -> tuple[Check, ...]:
        broker = self._brokers.get(name)
        if broker is None:
            fix = f"set up broker {name} in the server's settings, and restart the server"
            return (Check("broker", ok=False, detail=f"no broker {name} is connected", fix=fix),)
        return broker.checks(login) if isinstance(broker, TellsReadiness) else ()

    def _books(self, account: Account, report: AccountReport) -> Check:
        if not account.enabled:
            fix = f"enable it (`phalanx accounts set {account.id} --enable`)"
            return Check("books", ok=False, detail="the account is disabled", fix=fix)
        why = self._closed.get(account.id)
        breaks = len(self._state.breaks_of.get(account.id, ()))
        if why is not None:
            fix = f"put that right, then `phalanx reconcile --account {account.id}`"
            return Check("books", ok=False, detail=f"not open: {why}", fix=fix)
        if breaks:
            fix = f"settle them (`phalanx breaks --account {account.id}`)"
            return Check("books", ok=False, detail=f"open breaks: {breaks}", fix=fix)
        fix = f"have them read (`phalanx reconcile --account {account.id}`)"
        if report.status in {ReadStatus.NEVER, ReadStatus.UNREAD}:
            why = report.why or "not read yet"
            return Check("books", ok=False, detail=why, fix=fix)
        found = () if report.comparison is None else report.comparison.differences
        differences = sum(not is_settled(self._state, account.id, one) for one in found)
        if differences:
            fix = f"{fix}: what stays different is a break to be settled"
            return Check("books", ok=False, detail=f"differences: {differences}", fix=fix)
        return Check("books", ok=True, detail=f"as read at {iso(report.at, self._zone)}")

    def _funds(self, account: Account, report: AccountReport) -> Check:
        book = self._state.books.get(account.book)
        cash = 0 if book is None else book.cash
        if report.comparison is None:
            fix = f"have its book read (`phalanx reconcile --account {account.id}`)"
            return Check("funds", ok=False, detail="not known before its book was read", fix=fix)
        detail = f"{format_fixed(cash)} {account.currency}"
        if cash > 0:
            return Check("funds", ok=True, detail=detail)
        fix = f"put cash into the account, and settle its cash breaks (`phalanx breaks --account {account.id}`)"
        return Check("funds", ok=False, detail=detail, fix=fix)

    def _armed(self, account: Account) -> Check:
        """For information: who is not armed sends nothing live, and that may be meant so."""
        armed = self._state.armed.get(account.id)
        is_armed = armed is not None and self._around.now < armed.until
        said = f"until {iso(armed.until, self._zone)}" if armed and is_armed else "not armed"
        return Check("armed", ok=True, detail=said)

    # --- everybody's -------------------------------------------------------------------------------

    def _instruments(self) -> Check:
        at, now = self._state.instruments_at, self._around.now
        age = f"{self._around.instruments} instruments, changed {(now - at) // HOUR} h ago"
        if trading_day(at, self._zone) == trading_day(now, self._zone):
            return Check("instruments", ok=True, detail=age)
        fix = "load the broker's master of today (`phalanx instruments load FILE`)"
        return Check("instruments", ok=False, detail=age, fix=fix)

    def _feed(self) -> Check:
        around = self._around
        detail = f"{around.feed} is {around.feed_state.value}"
        if around.feed != LIVE_FEED:
            fix = "set PHALANX_QUOTES=broadcast, and restart the server"
            return Check("feed", ok=False, detail=f"{around.feed}: not the market's", fix=fix)
        if around.feed_state is FeedState.UP:
            return Check("feed", ok=True, detail=detail)
        fix = "see that the broadcast can be reached and the market is open; it connects by itself"
        return Check("feed", ok=False, detail=detail, fix=fix)


def _day(around: Surroundings) -> Check:
    if around.knows_day:
        return Check("calendar", ok=True, detail="known")
    detail = "no calendar of this year: weekdays count as trading days"
    fix = "put the exchange's days (`phalanx day put FILE`)"
    return Check("calendar", ok=False, detail=detail, fix=fix)
