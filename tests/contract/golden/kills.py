"""Kills of every level in a golden journal: with what they cancel, past the server, and lifted again."""

from phalanx.bootstrap import System, order_direct_kill
from phalanx.brokers.stub import NAME as ELSEWHERE
from phalanx.domain.instructions import ExitRequest, Selection
from phalanx.domain.kills import EVERYBODY, KillCancel, KillLevel, KillScope
from phalanx.domain.orders import Side
from phalanx.domain.strategies import Strategy, Subscription
from phalanx.engine.commands import LiftKill, PutKill, PutReference
from tests.contract.golden.hand import ORIGIN, Hand
from tests.fakes.kills import of_account

STRATEGY = "STRATEGY_K"
ACCOUNTS = ("PAPER-1", "SECOND", "PAPER-2")
PUT_AND_LIFTED = (
    (KillScope(KillLevel.STRATEGY, STRATEGY), KillCancel.ENTRIES),
    (KillScope(KillLevel.CLIENT, "1"), KillCancel.ALL),
    (KillScope(KillLevel.BROKER, "paper"), KillCancel.ENTRIES),
    (of_account("SECOND"), KillCancel.ALL),
    (EVERYBODY, KillCancel.ALL),
)


async def kills(system: System) -> None:
    """Each cancels what works there, stops what comes, and is lifted; three of them stand to the end."""
    hand = Hand(system)
    await _strategy(hand)
    for number, (scope, cancel) in enumerate(PUT_AND_LIFTED):
        await _work(hand, number)
        await hand.do(PutKill(ORIGIN, scope, "golden", cancel=cancel))
        await hand.signal(STRATEGY, Side.BUY, "TCS", f"stopped {number}")
        await hand.wait(0.1)
        await hand.do(LiftKill(ORIGIN, scope, "golden"))
    await _work(hand, len(PUT_AND_LIFTED))
    await hand.do(PutKill(ORIGIN, note="no block", block=False, cancel=KillCancel.ALL))
    await hand.do(PutKill(ORIGIN, note="nothing left", block=False, cancel=KillCancel.ALL))
    await hand.do(PutKill(ORIGIN, KillScope(KillLevel.STRATEGY, STRATEGY), "stands"))
    await hand.do(PutKill(ORIGIN, KillScope(KillLevel.BROKER, ELSEWHERE), "stands"))
    await _past_the_server(hand, KillScope(KillLevel.CLIENT, "2"))
    for account in ACCOUNTS:
        await hand.treat(account)


async def _strategy(hand: Hand) -> None:
    """One whose orders rest, in two accounts of two clients."""
    keys = tuple(hand.key(name) for name in ("INFY", "TCS"))
    subscriptions = tuple(Subscription(account, STRATEGY, keys) for account in ACCOUNTS)
    await hand.do(
        PutReference(ORIGIN, strategies=(Strategy(STRATEGY, keys),), subscriptions=subscriptions)
    )
    for account in ACCOUNTS:
        await hand.treat(account, filled_bps=0)


async def _work(hand: Hand, number: int) -> None:
    """What a kill finds: entries of a strategy, a single one, and an exit that nobody fills."""
    await hand.signal(STRATEGY, Side.BUY, "INFY", f"found {number}")
    await hand.order(1, Side.BUY, 20 + number, "1401")
    who = Selection(accounts=("PAPER-3",))
    await hand.give(ExitRequest("INFY", selection=who, price=hand.price("INFY", 500)))
    await hand.wait(0.05)


async def _past_the_server(hand: Hand, scope: KillScope) -> None:
    """It is adopted by the running desk, and cancels what its client has open."""
    await hand.order(2, Side.BUY, 20, "1402")
    data = hand.system.settings.data
    order_direct_kill(data, scope, cancel=True, note="golden")
    while scope.key not in hand.desk.state.kills:
        await hand.wait(0.1)
