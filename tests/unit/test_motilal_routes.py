"""Which accounts Motilal's module is told of, and under which client code."""

import pytest

from phalanx.bootstrap.motilal import Routes
from phalanx.brokers.motilal import Route
from phalanx.domain.accounts import Account, LivePlace, Mode

PLACE = LivePlace("motilal", "house", "AA020")
ACCOUNTS = [
    Account("LIVE", 1, "motilal", "house", Mode.LIVE, live=PLACE),
    Account("PLAIN", 1, "motilal", "ann", Mode.LIVE),
    Account("MOVED", 1, "motilal", "ann", Mode.LIVE, live=PLACE),
    Account("SOON", 1, live=PLACE),
    Account("PAPER", 1),
    Account("STUB", 1, "stub", "dealer-1", Mode.LIVE, live=PLACE),
]


def test_accounts_that_trade_there_and_those_that_will() -> None:
    routes = Routes(lambda: {account.id: account for account in ACCOUNTS})

    assert dict(routes) == {
        "LIVE": Route("LIVE", "house", "AA020"),
        "PLAIN": Route("PLAIN", "ann"),
        "MOVED": Route("MOVED", "ann"),
        "SOON": Route("SOON", "house", "AA020", trades=False),
    }
    assert len(routes) == 4
    for name in ("PAPER", "STUB", "NOBODY"):
        with pytest.raises(KeyError):
            routes[name]
