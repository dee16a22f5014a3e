"""The people of the demo: two hundred paper clients, nine strategies, fourteen instruments.

Everything comes from one seed, so every demo begins with the same people. A client that is there
already is left as it is: a demo that is started again goes on where it was.
"""

import csv
import io
import random
from collections.abc import Mapping

from phalanx.cli.profiles.people import people
from phalanx.domain.accounts import Account, Client, FillProfile, paper_account_id
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.instruments import InstrumentIndex, InstrumentKey
from phalanx.domain.numbers import Money, whole
from phalanx.domain.profiles import Profiles
from phalanx.domain.strategies import SellScope, Sizing, SizingRule, Strategy, Subscription
from phalanx.domain.time import Nanoseconds
from phalanx.engine.commands import PutReference
from phalanx.engine.state import State
from phalanx.market.shipped import CLOSES, shipped_file

SEED = 1
CLIENTS = 200
CHARGE_BPS = 3

STRATEGIES: Mapping[str, tuple[str, ...]] = {
    "STRATEGY_A": ("BIRLASOFT", "GRASIM", "EICHER", "COFORGE"),
    "STRATEGY_B": ("MINDA", "NTPC", "HINDALCO"),
    "STRATEGY_C": ("DMART", "L&T", "POWERGRID"),
    "STRATEGY_D": ("ACC", "JSW", "GRASIM"),
    "STRATEGY_E": ("ADANIENT", "POWERGRID", "NTPC"),
    "STRATEGY_F": ("COFORGE", "INFY", "BIRLASOFT"),
    "STRATEGY_G": ("HINDALCO", "JSW", "ADANIENT"),
    "STRATEGY_H": ("L&T", "EICHER", "MINDA"),
    "STRATEGY_I": ("INFY", "DMART", "ACC"),
}
WORKED_EXAMPLE: Profiles = {
    "Holland Proctor": {
        "STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"],
        "STRATEGY_B": ["MINDA"],
    },
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}
CASH = tuple(
    whole(amount) for amount in (50_000, 1_00_000, 2_50_000, 5_00_000, 10_00_000, 50_00_000)
)
FILLS = (
    FillProfile(),
    FillProfile(ack_delay_ms=5, fill_duration_ms=250),
    FillProfile(ack_delay_ms=20, fill_duration_ms=600, slices=3, slippage_bps=2),
    FillProfile(ack_delay_ms=2, fill_duration_ms=1_500, slices=4),
    FillProfile(ack_delay_ms=10, slippage_bps=5, reject_bps=300),
)
SIZES = (
    SizingRule(),
    SizingRule(Sizing.FIXED_QUANTITY, whole(10)),
    SizingRule(Sizing.FIXED_CASH, whole(15_000)),
    SizingRule(Sizing.CASH_SHARE, 500),
)
"""One lot, ten shares, 15,000 rupees, or five percent of the cash."""


CORE = "core"
CORE_CLIENTS = 40
FIRST = ("RELIANCE", "HDFCBANK", "ICICIBANK", "INFY", "BHARTIARTL", "LT", "ITC", "TCS", "SBIN")
"""Where the demo's priority list begins; the other NIFTY names follow by the alphabet."""


def nifty_symbols() -> list[str]:
    """The stocks of the shipped closes, most wanted first."""
    rows = csv.DictReader(io.StringIO(shipped_file(CLOSES).read_text("utf-8")))
    symbols = [row["symbol"] for row in rows]
    return [*(s for s in FIRST if s in symbols), *(s for s in symbols if s not in FIRST)]


def core_members() -> list[tuple[int, str]]:
    """The demo's group: its first clients, every fourth of them with twice the quantity."""
    return [(n, "2" if n % 4 == 0 else "1") for n in range(1, CORE_CLIENTS + 1)]


def demo_profiles(count: int = CLIENTS, seed: int = SEED) -> Profiles:
    """Who trades what: the two of the worked example, then people with one to three strategies."""
    dice = random.Random(f"demo/{seed}")
    profiles = dict(WORKED_EXAMPLE)
    for name in people(count, seed, tuple(WORKED_EXAMPLE))[len(profiles) :]:
        chosen = sorted(dice.sample(tuple(STRATEGIES), dice.randint(1, 3)))
        profiles[name] = {
            strategy: dice.sample(STRATEGIES[strategy], dice.randint(1, len(STRATEGIES[strategy])))
            for strategy in chosen
        }
    return profiles


def newcomers(
    state: State, index: InstrumentIndex, now: Nanoseconds, count: int = CLIENTS, seed: int = SEED
) -> PutReference | None:
    """One command that brings whoever of the demo is not there yet; None when all are.

    All or nothing: no client is ever there without its cash.
    """
    known = {client.name for client in state.clients.values()}
    missing = {name: own for name, own in demo_profiles(count, seed).items() if name not in known}
    if not missing:
        return None
    arrival = _Arrival(state, index, now, seed)
    for name, own in missing.items():
        arrival.client(name, own)
    return arrival.command()


class _Arrival:
    """Collects the reference data of new clients."""

    def __init__(self, state: State, index: InstrumentIndex, now: Nanoseconds, seed: int) -> None:
        self._state = state
        self._index = index
        self._now = now
        self._dice = random.Random(f"demo terms/{seed}")
        self._next_id = max(state.clients, default=0) + 1
        self._clients: list[Client] = []
        self._accounts: list[Account] = []
        self._subscriptions: list[Subscription] = []
        self._cash: list[tuple[str, Money, str]] = []

    def client(self, name: str, own: Mapping[str, list[str]]) -> None:
        number, self._next_id = self._next_id, self._next_id + 1
        exemplary = name in WORKED_EXAMPLE
        profile = FILLS[0] if exemplary else self._dice.choice(FILLS)
        size = SIZES[0] if exemplary else self._dice.choice(SIZES)
        called = paper_account_id(number, self._state.accounts)
        account = Account(called, number, charge_bps=CHARGE_BPS, fill_profile=profile)
        self._clients.append(Client(number, name, created_at=self._now))
        self._accounts.append(account)
        cash = whole(10_00_000) if exemplary else self._dice.choice(CASH)
        self._cash.append((account.book, cash, "opening cash"))
        for strategy, names in own.items():
            keys = self._keys(names)
            if keys:
                scope = SellScope.ACCOUNT
                self._subscriptions.append(
                    Subscription(account.id, strategy, keys, size, sell_scope=scope)
                )

    def command(self) -> PutReference:
        return PutReference(
            Origin("local", Door.DESK),
            clients=tuple(self._clients),
            accounts=tuple(self._accounts),
            strategies=tuple(self._strategies()),
            subscriptions=tuple(self._subscriptions),
            cash=tuple(self._cash),
        )

    def _strategies(self) -> list[Strategy]:
        """Strategies that are not there yet, with what of their instruments the master knows."""
        return [
            Strategy(name, self._keys(names))
            for name, names in STRATEGIES.items()
            if name not in self._state.strategies
        ]

    def _keys(self, names: tuple[str, ...] | list[str]) -> tuple[InstrumentKey, ...]:
        found = (self._index.resolve(name) for name in names)
        return tuple(instrument.key for instrument in found if instrument is not None)
