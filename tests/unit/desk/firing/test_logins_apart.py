"""Logins of one broker: what goes wrong with one is its own accounts' alone, as what is written shows."""

from collections.abc import Callable

import pytest

from phalanx.brokers.port import Ticket
from phalanx.domain.accounts import RateLimit
from phalanx.domain.capabilities import LimitScope, ScopedLimit
from phalanx.domain.orders import OrdStatus
from tests.fakes.rig import Rig, play
from tests.fakes.scripted_broker import Behaviour, Request, accept, keep, unreachable, write

SICK, SOUND = ("A1", "A2"), ("B1", "B2")
ORDERS = 5
WINDOW_S = 5


def only_for_the_sick(behave: Behaviour) -> Callable[[Rig], None]:
    """Accounts of login ``a`` are treated so; all others are accepted at once."""

    def prepare(rig: Rig) -> None:
        def by_account(request: Request, ticket: Ticket) -> None:
            (behave if request.account in SICK else accept)(request, ticket)

        rig.broker.usual = by_account

    return prepare


def limited(rig: Rig) -> None:
    """One order of a login in five seconds: who had its own waits, whoever else is to go."""
    limit = ScopedLimit(LimitScope.LOGIN, RateLimit(1, WINDOW_S * 1_000))
    rig.broker.declare(limits=(limit,))
    rig.broker.usual = accept


async def opened(rig: Rig, prepare: Callable[[Rig], None]) -> None:
    prepare(rig)
    await rig.start()
    for account in SICK:
        await rig.account(account, login="a")
    for account in SOUND:
        await rig.account(account, login="b")
    # A window is full after a start.
    await rig.wait(2 * WINDOW_S)


@pytest.mark.parametrize(
    "prepare",
    [only_for_the_sick(unreachable), only_for_the_sick(keep), only_for_the_sick(write)],
    ids=["dead token", "no place on the socket", "no answer"],
)
def test_orders_of_a_login_that_is_out_of_reach_hold_up_no_order_of_another(
    prepare: Callable[[Rig], None],
) -> None:
    async def story(rig: Rig) -> None:
        await opened(rig, prepare)
        for _ in range(ORDERS):
            for account in SICK:
                await rig.desk.execute(rig.buy(account))

        sound = [(await rig.submit(rig.buy(account)))[0] for account in SOUND]

        assert {rig.status(one) for one in sound} == {OrdStatus.NEW}
        sick = {one.status for id, one in rig.state.orders.items() if id not in sound}
        assert sick
        assert OrdStatus.NEW not in sick

    play(story)


def test_a_full_limit_of_a_login_makes_only_its_own_accounts_wait() -> None:
    async def story(rig: Rig) -> None:
        await opened(rig, limited)
        first, *waiting = [(await rig.submit(rig.buy(one)))[0] for one in (*SICK, *SICK)]

        (sound,) = await rig.submit(rig.buy(SOUND[0]))

        assert rig.broker.placed == [first, sound], "it went before those that were planned earlier"
        await rig.wait(len(waiting) * (WINDOW_S + 1))
        assert rig.broker.placed == [first, sound, *waiting]

    play(story)
