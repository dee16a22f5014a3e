"""Who a story is about: a few instruments, accounts at brokers of every kind, strategies."""

from collections.abc import Callable

from msgspec.structs import replace

from phalanx.domain.accounts import Account, Client, FillProfile, Mode, RateLimit
from phalanx.domain.groups import PriorityList
from phalanx.domain.instructions import OrderRequest, Origin
from phalanx.domain.instruments import InstrumentIndex
from phalanx.domain.numbers import Money, whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import SellScope, Strategy, Subscription
from phalanx.engine import commands as c
from phalanx.simulation.faults.chance import Chance
from phalanx.simulation.faults.options import Options
from phalanx.simulation.world import sample_instruments

NAMES = ("INFY", "TCS", "ACC")
KEYS = ("NSE:1", "NSE:2", "NSE:3")
STRATEGIES = ("ALPHA", "BETA")
LIST = "favourites"
PAPER = "paper"
CASH: Money = whole(500_000)
LITTLE_CASH: Money = whole(9_000)
UNDO_MS = 700

FORGETFUL = RiskSettings(retire_after_s=2, terminal_orders_max=4)
"""For stories with a short memory."""


def instruments() -> InstrumentIndex:
    """What is traded."""
    return sample_instruments(NAMES)


def accounts(options: Options) -> list[Account]:
    """One account at each broker of the story, of a client each; brokers are named by their kind."""
    chance = Chance(f"accounts {options.seed}")
    brokers = [f"stub-{kind.value}" for kind in options.kinds]
    brokers += [PAPER] if options.paper else []
    return [_account(number, broker, chance, options) for number, broker in enumerate(brokers, 1)]


def cash_of(options: Options) -> dict[str, Money]:
    """What each account begins with; one of them may have little."""
    chance = Chance(f"cash {options.seed}")
    return {one.id: chance.choice((CASH, CASH, LITTLE_CASH)) for one in accounts(options)}


def introduction(options: Options) -> Callable[[Origin], c.Command]:
    """The command that makes all of them known."""
    everybody = accounts(options)
    cash = cash_of(options)

    def make(origin: Origin) -> c.PutReference:
        return c.PutReference(
            origin,
            clients=tuple(Client(one.client_id, f"client {one.client_id}") for one in everybody),
            accounts=tuple(everybody),
            strategies=tuple(Strategy(name, KEYS) for name in STRATEGIES),
            subscriptions=tuple(
                Subscription(one.id, name, KEYS, sell_scope=SellScope.ACCOUNT)
                for one in everybody
                for name in STRATEGIES
            ),
            settings=_settings(options),
            cash=tuple((one.book, cash[one.id], "opening") for one in everybody),
        )

    return make


def _settings(options: Options) -> RiskSettings | None:
    """None: those of a desk to which nobody said anything."""
    settings = FORGETFUL if options.short_memory else RiskSettings()
    if options.checked:
        above, expires_s = whole(1_000), 15
        settings = replace(settings, approve_above=above, approval_expires_s=expires_s)
    if options.undoable:
        settings = replace(settings, undo_ms=UNDO_MS)
    return settings if settings != RiskSettings() else None


def a_list(origin: Origin) -> c.Command:
    """The priority list of a story."""
    return c.PutLists(origin, (PriorityList(LIST, KEYS),))


def a_round(options: Options) -> list[OrderRequest]:
    """One small buy for each account."""
    terms = (NAMES[0], Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(1))
    return [OrderRequest(one.client_id, one.id, *terms) for one in accounts(options)]


def _account(number: int, broker: str, chance: Chance, options: Options) -> Account:
    limit = RateLimit()
    if options.limited:
        limit = chance.choice((RateLimit(), RateLimit(2, 500, 1), RateLimit(3, 1_000)))
    profile = FillProfile(
        ack_delay_ms=chance.choice((0, 1, 40)),
        fill_duration_ms=chance.choice((0, 20, 900)),
        filled_bps=chance.choice((10_000, 6_000, 0)),
        slices=chance.choice((1, 3)),
        reject_bps=chance.choice((0, 0, 2_500)),
    )
    return Account(
        f"A{number}",
        number,
        broker,
        broker,
        Mode.PAPER,
        charge_bps=chance.choice((0, 7)),
        rate_limit=limit,
        fill_profile=profile,
    )
