"""Who and what a story is about: odd instruments, and clients with accounts that behave differently."""

import random

import msgspec

from phalanx.domain.accounts import Account, FillProfile, RateLimit
from phalanx.domain.groups import Group, Member, PriorityList
from phalanx.domain.instruments import Instrument, InstrumentIndex
from phalanx.domain.numbers import SCALE, whole
from phalanx.engine import commands as c
from phalanx.simulation.world import ORIGIN, World, sample_instruments

STOCKS = ("INFY", "TCS")
"""What strategies trade."""
NAMES = (*STOCKS, "BSE:3", "LOTS", "COIN")
"""What everybody else trades too."""
KEYS = ("NSE:1", "NSE:2", "BSE:3", "NSE:4", "NSE:5")
STRATEGIES = ("ALPHA", "BETA")
GROUPS = ("core", "fringe")
LISTS = ("first", "second")
FREEZE = whole(8)


def story_instruments() -> InstrumentIndex:
    """INFY is listed twice and has a freeze quantity, LOTS trades in fives, COIN in thousandths."""
    infy, tcs = sample_instruments(STOCKS)
    infy = msgspec.structs.replace(infy, isin="X1", freeze_quantity=FREEZE)
    twin = msgspec.structs.replace(infy, key="BSE:3", exchange="BSE", token="3", freeze_quantity=0)
    lots = Instrument("NSE:4", "NSE", "4", "LOTS", "EQ", whole(5), SCALE // 20)
    coin = Instrument("NSE:5", "NSE", "5", "COIN", "EQ", SCALE // 1_000, SCALE // 100)
    return InstrumentIndex((infy, tcs, twin, lots, coin))


def an_account(chance: random.Random) -> Account:
    """How one account's broker behaves, what its trades cost and how many requests it may make."""
    pick = chance.choice
    profile = FillProfile(
        ack_delay_ms=pick((0, 0, 1, 40, 700)),
        fill_duration_ms=pick((0, 20, 900, 3_000)),
        filled_bps=pick((10_000, 10_000, 6_000, 0)),
        slices=pick((1, 3, 5)),
        slippage_bps=pick((0, 10)),
        reject_bps=pick((0, 0, 2_500)),
    )
    limit = pick((RateLimit(), RateLimit(2, 500, 1), RateLimit(2, 1_500), RateLimit(1, 100)))
    return Account("", 0, charge_bps=pick((0, 7)), rate_limit=limit, fill_profile=profile)


async def populate(world: World, chance: random.Random) -> None:
    """A few clients with strategies, some with little cash, one perhaps with a second account."""
    for number in range(chance.randint(1, 4)):
        profile = {
            name: list(STOCKS)[: chance.choice((1, 2, 2))]
            for name in chance.sample(STRATEGIES, chance.choice((1, 2, 2)))
        }
        cash = chance.choice((whole(1_000_000), whole(1_000_000), whole(20_000) + 7))
        account = an_account(chance)
        await world.import_profiles({f"user {number}": profile}, cash, account)
    first = next(iter(world.desk.state.accounts.values()))
    if chance.random() < 0.4:
        second = msgspec.structs.replace(
            an_account(chance), id="SECOND", client_id=first.client_id, primary=False
        )
        adjustment = (second.book, whole(100_000), "opening")
        await world.desk.execute(c.PutReference(ORIGIN, accounts=(second,), cash=(adjustment,)))
    await _name_things(world, chance)


async def _name_things(world: World, chance: random.Random) -> None:
    """A group and a list that are there from the beginning; stories change them and make others."""
    accounts = list(world.desk.state.accounts)
    members = tuple(Member(account) for account in chance.sample(accounts, -(-len(accounts) // 2)))
    await world.desk.execute(c.PutGroups(ORIGIN, (Group(GROUPS[0], members),)))
    await world.desk.execute(c.PutLists(ORIGIN, (PriorityList(LISTS[0], KEYS),)))
