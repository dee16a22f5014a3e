"""The whole of it: moves by itself, over TLS too, and ends with everybody still connected."""

import asyncio
import socket
import ssl
from contextlib import suppress

import httpx
import pytest
from websockets.asyncio.client import connect

from phalanx.simulation.motilal import MotilalSimulator, SimulatorConfig
from phalanx.simulation.motilal.config import CLIENTS
from phalanx.simulation.motilal.listing import SHARES
from tests.conftest import ROOT
from tests.fakes.motilal import INVESTOR, Caller, simulated

CERTIFICATES = ROOT / "tests/data/tls"


async def test_an_order_is_filled_without_anybody_moving_the_world_on() -> None:
    async with simulated(step_ms=1) as caller:
        unique_id = await caller.place(price=413)
        async with asyncio.timeout(20):
            status = ""
            while status != "Traded":
                status = (await caller.row(unique_id))["orderstatus"]


async def test_every_server_speaks_tls_with_a_certificate() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "localhost.pem")
    trust = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
    async with MotilalSimulator(SimulatorConfig(step_ms=0), context) as simulator:
        assert simulator.rest_url.startswith("https://")
        async with httpx.AsyncClient(verify=trust, trust_env=False) as http:
            answer = await http.get(f"{simulator.rest_url}/getindexdatacsv?name=BSE")
        assert "SENSEX" in answer.text
        for url in (simulator.orders_ws_url, simulator.broadcast_ws_url):
            async with connect(url, ssl=trust, proxy=None):
                assert url.startswith("wss://")
        _, writer = await asyncio.open_connection(*simulator.broadcast_tcp, ssl=trust)
        writer.close()


async def test_it_ends_with_everybody_still_connected() -> None:
    simulator = MotilalSimulator(SimulatorConfig(step_ms=1))
    async with simulator:
        caller = Caller(simulator, None, INVESTOR, "127.0.0.1")  # type: ignore[arg-type]
        await caller.http.get("/getindexdatacsv?name=NSE")
        orders = await connect(simulator.orders_ws_url, proxy=None)
        feed = await connect(simulator.broadcast_ws_url, proxy=None)
        reader, writer = await asyncio.open_connection(*simulator.broadcast_tcp)

    await orders.wait_closed()
    await feed.wait_closed()
    assert (len(simulator.stream), len(simulator.feed)) == (0, 0)
    with suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    await caller.http.aclose()


async def test_a_world_that_cannot_move_on_says_so_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator = MotilalSimulator(SimulatorConfig(step_ms=1))
    failed = asyncio.Event()

    def step(_: int = 1) -> None:
        failed.set()
        raise RuntimeError("stuck")

    monkeypatch.setattr(simulator, "step", step)
    with pytest.raises(RuntimeError, match="stuck"):
        async with simulator:
            await failed.wait()


def test_a_config_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match=r"AA020.*no such client"):
        SimulatorConfig(clients=CLIENTS[:1])
    with pytest.raises(ValueError, match="NSEFO 34100: not listed"):
        SimulatorConfig(scrips=SHARES)


async def test_a_port_that_is_taken_is_named_and_nothing_is_left_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        simulator = MotilalSimulator(SimulatorConfig(broadcast_port=other.getsockname()[1]))
        with pytest.raises(OSError, match="in use"):
            await simulator.__aenter__()

    assert simulator.binding == "broadcast_port"
    async with simulated() as caller:
        assert caller.sim.binding == "broadcast_tcp_port"
    port = int(simulator.rest_url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        pass
