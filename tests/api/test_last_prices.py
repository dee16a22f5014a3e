"""A system whose broadcast falls silent: the same broker's REST prices stand in, until it is back."""

import asyncio
from pathlib import Path

from phalanx.domain.instruments import InstrumentKey, Quote, QuoteSource
from phalanx.domain.numbers import Price, parse_fixed
from phalanx.simulation.motilal import MotilalSimulator, SimulatorConfig
from phalanx.simulation.motilal.config import INVESTOR
from tests.api.conftest import open_site

RELIANCE = "NSE:2885"
FIELDS = {
    "user": INVESTOR.userid,
    "password": INVESTOR.password,
    "api_key": INVESTOR.api_key,
    "api_secret": INVESTOR.api_secret,
    "second_factor": INVESTOR.second_factor,
    "totp_seed": INVESTOR.totp_secret,
}


async def _seal(data: Path, file: Path) -> None:
    async with open_site(data, motilal_logins=file) as site:
        sealed = {"broker": "motilal", "fields": FIELDS, "expected": 0}
        assert (await site.send("PUT", "/api/v1/credentials/ann", sealed)).status_code == 200


def _logins(folder: Path, sim: MotilalSimulator) -> Path:
    file = folder / "logins.toml"
    file.write_text(
        f'[ann]\nrest = "{sim.rest_url}"\nsocket = "{sim.orders_ws_url}"\n'
        'public_ip = "203.0.113.7"\nregistered = ["203.0.113.7"]\ninstalled_app_id = "u-1"\n'
    )
    return file


class Ear:
    """Hears what the board is told of RELIANCE."""

    def __init__(self, sim: MotilalSimulator) -> None:
        self.heard: list[tuple[QuoteSource, Price]] = []
        self._sim = sim

    def hear(self, key: InstrumentKey, quote: Quote) -> None:
        if key == RELIANCE:
            self.heard.append((quote.source, quote.last))

    async def told(self, source: QuoteSource, rupees: str) -> None:
        """Return once this price came from there."""
        price = parse_fixed(rupees)
        async with asyncio.timeout(60):
            while (source, price) not in self.heard:
                self._sim.prices.set("NSE", 2885, price)
                await asyncio.sleep(0.02)


async def test_rest_prices_stand_in_for_a_silent_broadcast(tmp_path: Path) -> None:
    async with MotilalSimulator(SimulatorConfig(step_ms=20, walk=False)) as sim:
        host, port = sim.broadcast_tcp
        data, file, ear = tmp_path / "data", _logins(tmp_path, sim), Ear(sim)
        await _seal(data, file)
        async with open_site(
            data,
            motilal_logins=file,
            quotes="broadcast",
            broadcast=f"tcp://{host}:{port}",
            broadcast_code=INVESTOR.userid,
        ) as site:
            site.system.quotes.listen(ear.hear)
            await site.profiles({"U": {"S": ["RELIANCE"]}})
            await ear.told(QuoteSource.FEED, "1390.05")
            await sim.feed.close_tcp()
            await ear.told(QuoteSource.REST, "1400.15")
            await sim.feed.start_tcp(host, port, None)
            await ear.told(QuoteSource.FEED, "1410.25")
            figures = site.system.desk.metrics().decode()

    sources = [source for source, _ in ear.heard]
    assert sources.index(QuoteSource.REST) > sources.index(QuoteSource.FEED)
    assert sources[-1] is QuoteSource.FEED
    assert 'phalanx_last_price_answers_total{answer="answered"}' in figures
