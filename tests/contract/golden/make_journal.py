"""Make a golden journal: ``python -m tests.contract.golden.make_journal FOLDER``.

Made once at an issue's end and then kept for ever; it is never made again to please a test.
"""

import asyncio
import shutil
import sys
from pathlib import Path

import msgspec

from phalanx.bootstrap import System, build, replay_state
from phalanx.config import Settings
from phalanx.domain.accounts import Account, FillProfile, RateLimit
from phalanx.domain.instructions import Door, OrderRequest, Origin, SignalRequest
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.domain.strategies import SellScope, Sizing, SizingRule, Subscription
from phalanx.engine.commands import (
    CancelOrder,
    LiftKill,
    PutKill,
    PutReference,
    ReplaceOrder,
    Submit,
)
from tests.contract.golden.facts import facts

ORIGIN = Origin("local", Door.INSTRUCTIONS, "golden")
PROFILES = {
    "Holland Proctor": {
        "STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"],
        "STRATEGY_B": ["MINDA"],
    },
    "Oaklee Wagner": {"STRATEGY_D": ["ACC", "NOBODY KNOWS THIS"]},
    "Slow Hand": {"STRATEGY_A": ["GRASIM", "INFY"], "STRATEGY_D": ["ACC"]},
}


async def _signal(
    system: System, strategy: str, side: Side, instrument: str, key: str = ""
) -> None:
    origin = msgspec.structs.replace(ORIGIN, idempotency_key=key, fingerprint=key.encode())
    await system.desk.execute(Submit(origin, SignalRequest(strategy, instrument, side), "golden"))


async def _order(system: System, client: int, side: Side, quantity: int, price: str) -> str:
    request = OrderRequest(
        client,
        "",
        "INFY",
        side,
        Product.DELIVERY,
        OrdType.LIMIT,
        whole(quantity),
        parse_fixed(price),
    )
    executed = await system.desk.execute(Submit(ORIGIN, request))
    orders = getattr(executed.events[0], "orders", ())
    return orders[0].cl_ord_id if orders else ""


async def _people(system: System) -> None:
    await system.import_profiles(PROFILES, ORIGIN)
    state = system.desk.state
    slow = Account(
        "PAPER-3",
        3,
        charge_bps=12,
        rate_limit=RateLimit(5, 1_000, 1),
        fill_profile=FillProfile(20, 400, 6_000, 3, 5, 0, 9),
    )
    rule = SizingRule(Sizing.FIXED_CASH, whole(20_000))
    kept = state.subscriptions["STRATEGY_A"]["PAPER-3"]
    subscription = Subscription(
        "PAPER-3", "STRATEGY_A", kept.instruments, rule, sell_scope=SellScope.STRATEGY
    )
    await system.desk.execute(PutReference(ORIGIN, accounts=(slow,), subscriptions=(subscription,)))


async def _first_term(system: System) -> None:
    await _people(system)
    await asyncio.sleep(1.2)
    for strategy, side, instrument in (
        ("STRATEGY_A", Side.SELL, "GRASIM"),
        ("STRATEGY_B", Side.BUY, "MINDA"),
        ("STRATEGY_D", Side.BUY, "INFY"),
        ("STRATEGY_A", Side.BUY, "GRASIM"),
        ("STRATEGY_D", Side.BUY, "ACC"),
        ("NO_SUCH", Side.BUY, "ACC"),
    ):
        await _signal(system, strategy, side, instrument, f"{strategy}{side}{instrument}")
    await asyncio.sleep(0.3)
    await _signal(system, "STRATEGY_A", Side.SELL, "MINDA")
    await _signal(system, "STRATEGY_A", Side.SELL, "GRASIM")
    resting = await _order(system, 1, Side.BUY, 10, "1400")
    await asyncio.sleep(0.05)
    await system.desk.execute(ReplaceOrder(ORIGIN, resting, whole(12), parse_fixed("1410")))
    await asyncio.sleep(0.05)
    doomed = await _order(system, 2, Side.BUY, 3, "1390.5")
    await asyncio.sleep(0.05)
    await system.desk.execute(CancelOrder(ORIGIN, doomed))
    await system.desk.execute(PutKill(ORIGIN, "PAPER-2", "golden"))
    await _signal(system, "STRATEGY_D", Side.BUY, "NOBODY KNOWS THIS")
    await system.desk.execute(LiftKill(ORIGIN, "PAPER-2", "golden"))
    await asyncio.sleep(0.6)
    await _signal(system, "STRATEGY_D", Side.BUY, "NOBODY KNOWS THIS")
    for more in range(8):
        await _order(system, 3, Side.BUY, 10 + more, "1443")
        await asyncio.sleep(0.01)


async def _second_term(system: System) -> None:
    await asyncio.sleep(1.2)
    await _order(system, 3, Side.SELL, 2, "1441.8")
    await system.desk.execute(PutKill(ORIGIN, "", "golden"))
    await asyncio.sleep(0.5)


async def _make(data: Path) -> None:
    for story in (_first_term, _second_term):
        system = build(Settings(data=data))
        await system.start()
        await story(system)
        await system.stop()


def main(folder: Path) -> None:
    """Write ``folder/journal``, ``folder/expected.json``."""
    asyncio.run(_make(folder))
    expected = msgspec.json.format(msgspec.json.encode(facts(replay_state(folder))), indent=1)
    (folder / "expected.json").write_bytes(expected)
    for name in ("views.db", "lock"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "instruments")
    shutil.rmtree(folder / "journal" / "snapshots", ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
