"""Motilal Oswal's module, wired: logins from a file, credentials from the vault, accounts from the desk."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from phalanx.brokers.motilal import (
    NAME,
    Credentials,
    MotilalBroker,
    Ports,
    Route,
    read_credentials,
)
from phalanx.brokers.motilal.last_prices import LastPrices
from phalanx.brokers.motilal.logins_file import BYTES_MAX, read_logins
from phalanx.desk.errors import Stopped
from phalanx.domain.accounts import Account, AccountId, Mode
from phalanx.domain.instruments import Instrument, InstrumentKey
from phalanx.domain.numbers import Price
from phalanx.domain.time import Clock, Timer
from phalanx.market.feeds.last_prices import LastPrice

if TYPE_CHECKING:
    from pathlib import Path

    from phalanx.access.access import Access

READER = "motilal"
WHY = "to log in at the broker"


class Routes(Mapping[AccountId, Route]):
    """The accounts at this broker, as the desk has them whenever it is asked: those that trade there, and
    those on paper that would once they are live.
    """

    def __init__(self, accounts: Callable[[], Mapping[AccountId, Account]]) -> None:
        self._accounts = accounts

    def __getitem__(self, account: AccountId) -> Route:
        found = _route(self._accounts()[account])
        if found is None:
            raise KeyError(account)
        return found

    def __iter__(self) -> Iterator[AccountId]:
        return (one.id for one in tuple(self._accounts().values()) if _route(one) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _route(account: Account) -> Route | None:
    live = account.live
    if account.broker == NAME:
        # The code belongs to the place with which it was told.
        code = live.client_code if (live.broker, live.login) == (NAME, account.login) else ""
        return Route(account.id, account.login, code)
    if account.mode is Mode.PAPER and live.broker == NAME:
        return Route(account.id, live.login, live.client_code, trades=False)
    return None


class RestPrices(Collector):
    """A module's last prices in the market's words, and their counts for ``/metrics``."""

    def __init__(self, prices: LastPrices) -> None:
        self._prices = prices

    async def read(self, keys: Sequence[InstrumentKey], /) -> Mapping[InstrumentKey, LastPrice]:
        """See the port `market.feeds.last_prices.LastPrices`."""
        found = await self._prices.read(keys)
        return {key: LastPrice(quote) for key, quote in found.items()}

    def collect(self) -> Iterator[Metric]:
        """When somebody asks."""
        counts = self._prices.counts
        family = CounterMetricFamily(
            "phalanx_last_price_answers",
            "Questions about last prices, by what came back",
            labels=["answer"],
        )
        for answer in ("answered", "flawed", "failed"):
            family.add_metric([answer], getattr(counts, answer))
        yield family


class SealedCredentials:
    """Those of a login, unsealed on a thread once the journal has who reads them and why."""

    def __init__(self, access: "Callable[[], Access]") -> None:
        self._access = access

    async def __call__(self, login: str) -> Credentials:
        """Raises OSError: nothing is kept, it cannot be opened, the desk stops, or it is not usable."""
        from phalanx.access.errors import AccessError
        from phalanx.access.vault.errors import VaultError

        try:
            store = self._access().credentials
            fields = await asyncio.to_thread(store.read, login, READER, WHY)
        except (AccessError, VaultError, Stopped) as error:
            raise ConnectionError(f"no credentials of {login}: {error}") from error
        return read_credentials(fields)


def motilal_broker(
    path: "Path",
    accounts: Callable[[], Mapping[AccountId, Account]],
    access: "Callable[[], Access]",
    instruments: Callable[[InstrumentKey], Instrument | None],
    last: Callable[[InstrumentKey], Price],
    clock: Clock,
    timer: Timer,
) -> MotilalBroker:
    """The module with the logins of a file. Raises OSError, LoginsFault."""
    with path.open("rb") as file:
        logins = read_logins(file.read(BYTES_MAX + 1))
    ports = Ports(
        credentials=SealedCredentials(access),
        instruments=instruments,
        clock=clock,
        timer=timer,
        last=last,
    )
    return MotilalBroker(logins, Routes(accounts), ports)
