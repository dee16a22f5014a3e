"""A list of 30 stocks for many accounts goes out as fast as the limits allow, on virtual time."""

from collections import Counter
from itertools import pairwise

import msgspec
import pytest

from phalanx.brokers.port import PlaceRequest, Ticket
from phalanx.domain.accounts import Account, Client, RateLimit
from phalanx.domain.capabilities import LimitScope, ScopedLimit
from phalanx.domain.instructions import PriorityBuyRequest
from phalanx.domain.numbers import whole
from phalanx.domain.time import MILLISECOND, SECOND, Nanoseconds
from phalanx.engine import commands as c
from phalanx.simulation.world import sample_instruments
from tests.fakes.rig import ORIGIN, Rig, play
from tests.fakes.scripted_broker import Request, write

STOCKS = tuple(f"STOCK{number:02}" for number in range(30))
SLOW_COMMIT_NS = 5 * MILLISECOND
A_MINUTE = 60_000


class Terms(msgspec.Struct, frozen=True):
    """Accounts and logins, in turn, and their limits; None binds nobody."""

    accounts: int
    logins: int
    account: RateLimit = RateLimit()
    login: RateLimit | None = None
    egress: RateLimit | None = None
    slack_ms: int = 0

    def limits(self) -> tuple[ScopedLimit, ...]:
        declared = {LimitScope.LOGIN: self.login, LimitScope.EGRESS: self.egress}
        return tuple(ScopedLimit(scope, limit) for scope, limit in declared.items() if limit)

    def ideal_ns(self) -> Nanoseconds:
        """When the last goes at the rate that new risk may use: one burst with each window, the first one
        window after the start, because all are full then. The slowest scope tells.
        """
        by_login = -(-self.accounts // self.logins)
        longest = 0
        for limit, many in (
            (self.account, 1),
            (self.login, by_login),
            (self.egress, self.accounts),
        ):
            if limit is not None and limit.count:
                window = (limit.window_ms + self.slack_ms) * MILLISECOND
                bursts = -(-many * len(STOCKS) // (limit.count - limit.reserved))
                longest = max(longest, bursts * window)
        return longest


TEN = RateLimit(10, 1_000, 2)

ALL_TERMS = {
    "each account by itself": Terms(20, 1, account=TEN),
    "one login": Terms(20, 1, account=TEN, login=RateLimit(20, 1_000, 2)),
    "three logins of one address": Terms(
        30, 3, account=TEN, login=RateLimit(40, 1_000, 4), egress=RateLimit(100, 1_000, 10)
    ),
    "all scopes as tight": Terms(
        8, 2, account=TEN, login=RateLimit(32, 1_000), egress=RateLimit(64, 1_000)
    ),
    "windows of all lengths": Terms(
        12, 3, account=RateLimit(7, 900), login=RateLimit(25, 1_300, 5), egress=RateLimit(60, 1_100)
    ),
    "so many a minute": Terms(10, 1, account=TEN, login=RateLimit(100, A_MINUTE, 10)),
    "with slack": Terms(20, 2, account=TEN, egress=RateLimit(50, 1_000, 5), slack_ms=50),
}


@pytest.mark.parametrize("terms", ALL_TERMS.values(), ids=ALL_TERMS.keys())
def test_a_list_under_limits_takes_2_percent_longer_than_the_usable_rate_at_most(
    terms: Terms,
) -> None:
    async def story(rig: Rig) -> None:
        written: list[tuple[str, Nanoseconds]] = []

        def note(request: Request, ticket: Ticket) -> None:
            assert isinstance(request, PlaceRequest)
            written.append((request.cl_ord_id, rig.clock.monotonic()))
            write(request, ticket)

        rig.broker.usual = note
        rig.index = sample_instruments(STOCKS)
        rig.broker.declare(limits=terms.limits(), limit_slack_ms=terms.slack_ms)
        await rig.start()
        rig.commit_ns = SLOW_COMMIT_NS
        await open_accounts(rig, terms)
        begin = rig.clock.monotonic()
        request = PriorityBuyRequest(instruments=STOCKS)
        await rig.desk.execute(c.Submit(ORIGIN, request, expires_s=3_600))
        while rig.desk.firing.waiting_count():
            await rig.wait(1)
        await rig.wait(1)

        assert len(written) == len(STOCKS) * terms.accounts
        assert written[-1][1] - begin <= 1.02 * terms.ideal_ns()

    play(story)


def test_a_list_goes_by_its_ranks_over_all_accounts_that_share_a_limit() -> None:
    async def story(rig: Rig) -> None:
        rig.index = sample_instruments(STOCKS)
        terms = Terms(12, 3, login=RateLimit(5), egress=RateLimit(9))
        rig.broker.declare(limits=terms.limits())
        await rig.start()
        await open_accounts(rig, terms)
        request = PriorityBuyRequest(instruments=STOCKS[:4])
        await rig.desk.execute(c.Submit(ORIGIN, request, expires_s=3_600))
        while rig.desk.firing.waiting_count():
            await rig.wait(1)
        await rig.wait(1)

        placed = [request for request in rig.broker.asked if isinstance(request, PlaceRequest)]
        assert Counter(request.instrument for request in placed) == {
            f"NSE:{n}": 12 for n in range(1, 5)
        }
        ranks = [int(request.instrument.removeprefix("NSE:")) for request in placed]
        # A login that has no place is overtaken by those that have one, by no more than a window.
        assert all(rank >= before - 1 for before, rank in pairwise(ranks))
        assert ranks[:12] == [1] * 12

    play(story)


async def open_accounts(rig: Rig, terms: Terms) -> None:
    """Accounts with cash for one of each, their logins in turn; all windows are full."""
    numbers = range(terms.accounts)
    accounts = tuple(
        Account(f"A{n}", n + 1, "script", f"L{n % terms.logins}", rate_limit=terms.account)
        for n in numbers
    )
    await rig.desk.execute(
        c.PutReference(
            ORIGIN,
            clients=tuple(Client(n + 1, f"client {n}") for n in numbers),
            accounts=accounts,
            cash=tuple((account.book, whole(100_000), "") for account in accounts),
        )
    )
    await rig.desk.reconciler.reconcile()
    assert not any(rig.desk.closed), "an account did not open"
    assert rig.clock.monotonic() < SECOND
