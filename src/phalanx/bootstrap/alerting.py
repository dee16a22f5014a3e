"""The alerts of a system: wired to its desk, its figures and what may leave the house."""

import asyncio
import logging
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from phalanx.access.errors import AccessError
from phalanx.access.vault.errors import VaultError
from phalanx.alerts.addresses import HostsAllowed
from phalanx.alerts.alerts import Alerts
from phalanx.alerts.channels import Channels, Vault, opener
from phalanx.alerts.outgoing import Outgoing
from phalanx.config import Settings
from phalanx.desk.desk import Desk
from phalanx.domain.instruments import InstrumentKey, known_instrument
from phalanx.domain.time import SECOND, Clock

_log = logging.getLogger("phalanx.alerts")


def make_alerts(settings: Settings, desk: Desk, clock: Clock) -> Alerts:
    """Without channels yet: their addresses are sealed."""
    named = (part.strip() for part in settings.alert_hosts_allowed.split(","))
    outgoing = Outgoing(HostsAllowed(name for name in named if name))

    def symbol(key: InstrumentKey) -> str:
        found = known_instrument(desk.instruments, desk.state.local_instruments, key)
        return key if found is None else found.symbol

    alerts = Alerts(desk.state, symbol, clock, Channels(opener(outgoing, clock.now)))
    desk.telemetry.registry.register(_Figures(alerts))
    return alerts


async def use_channels(alerts: Alerts, vault: Callable[[], Vault]) -> None:
    """Open the channels that a vault keeps; without the vault there are none, and the log says so."""
    try:
        opened = await asyncio.to_thread(alerts.channels.load, vault())
    except (AccessError, VaultError) as error:
        _log.error("no alert can be sent, its channels cannot be read: %s", error.code)
    else:
        alerts.use(opened)


async def look_every_second(alerts: Alerts, desk: Desk) -> None:
    """Tell what became news by standing, and what was held back for long enough."""
    while True:
        await desk.timer.sleep(SECOND)
        alerts.look(desk.closed)


class _Figures(Collector):
    """How many deliveries ended how, for ``/metrics``."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    def collect(self) -> Iterator[Metric]:
        """When somebody asks."""
        family = CounterMetricFamily(
            "phalanx_alerts", "Alerts to channels, by what became of them", labels=["outcome"]
        )
        for outcome, count in dict(self._alerts.counts).items():
            if outcome.value != "waiting":
                family.add_metric([outcome.value], count)
        yield family
