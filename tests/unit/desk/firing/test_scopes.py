"""Scopes: which limits bind an account, and with whom it shares them."""

from phalanx.brokers.port import Broker
from phalanx.desk.firing.scopes import UNBOUND, Bounds, Sharing, bounds_of
from phalanx.domain.accounts import Account, RateLimit
from phalanx.domain.capabilities import LimitScope, ScopedLimit
from tests.fakes.scripted_broker import ScriptedBroker

TEN, TWENTY, HUNDRED = RateLimit(10), RateLimit(20), RateLimit(100)
MINUTE = RateLimit(200, 60_000)
ACCOUNT = Account("A1", 1, "script", "DEALER")


class ManyAddresses(ScriptedBroker):
    """Each login leaves from an address of its own."""

    def egress(self, login: str) -> str:
        return f"address of {login}"


def bounds(broker: Broker, account: Account = ACCOUNT) -> Bounds:
    return bounds_of(account, {"script": broker})


def declared(broker: ScriptedBroker, *limits: tuple[LimitScope, RateLimit]) -> ScriptedBroker:
    broker.declare(limits=tuple(ScopedLimit(scope, limit) for scope, limit in limits))
    return broker


def test_a_broker_that_declares_nothing_binds_nobody_and_so_does_one_that_is_not_there() -> None:
    assert bounds(ScriptedBroker()) == UNBOUND
    assert bounds_of(ACCOUNT, {}) == UNBOUND


def test_limits_go_from_the_accounts_to_the_widest() -> None:
    broker = declared(
        ScriptedBroker(),
        (LimitScope.EGRESS, HUNDRED),
        (LimitScope.LOGIN, TWENTY),
        (LimitScope.ACCOUNT, TEN),
        (LimitScope.LOGIN, MINUTE),
    )
    broker.declare(limit_slack_ms=30)

    assert bounds(broker) == Bounds(
        account=(TEN,),
        shared=(
            (Sharing(LimitScope.LOGIN, "script", "DEALER"), (TWENTY, MINUTE)),
            (Sharing(LimitScope.EGRESS, "script", ""), (HUNDRED,)),
        ),
        slack_ms=30,
    )


def test_a_count_of_zero_is_no_limit() -> None:
    assert bounds(declared(ScriptedBroker(), (LimitScope.LOGIN, RateLimit()))) == UNBOUND


def test_a_broker_may_tell_which_address_a_login_leaves_from() -> None:
    broker = declared(ManyAddresses(), (LimitScope.EGRESS, HUNDRED))

    ((sharing, _),) = bounds(broker).shared

    assert sharing == Sharing(LimitScope.EGRESS, "script", "address of DEALER")
