"""`phalanx simulate broker motilal`: Motilal Oswal's OpenAPI on this machine, with nobody's money."""

import ssl
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from phalanx.cli.checking.simulate_broker import (
    HOST,
    MILLISECONDS_MAX,
    CertificateOption,
    KeyOption,
    PortOption,
    server_context,
)
from phalanx.cli.options import JsonOption

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen
    from phalanx.simulation.motilal import MotilalSimulator, SimulatorConfig

OPTIONS = {
    "rest_port": "--port",
    "orders_port": "--orders-port",
    "broadcast_port": "--feed-port",
    "broadcast_tcp_port": "--feed-tcp-port",
}
"""The option of each port."""

OrdersPortOption: TypeAlias = Annotated[
    int, typer.Option("--orders-port", min=0, max=65_535, help="Port of the order stream.")
]
FeedPortOption: TypeAlias = Annotated[
    int, typer.Option("--feed-port", min=0, max=65_535, help="Port of the feed over WebSocket.")
]
FeedTcpPortOption: TypeAlias = Annotated[
    int, typer.Option("--feed-tcp-port", min=0, max=65_535, help="Port of the feed over TCP.")
]
SeedOption: TypeAlias = Annotated[int, typer.Option("--seed", help="Of prices and fills.")]
StepOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--step-ms",
        min=0,
        max=MILLISECONDS_MAX,
        help="How often prices and orders move on; 0: only when asked to.",
    ),
]
StillOption: TypeAlias = Annotated[
    bool, typer.Option("--still", help="Prices stay where they are until somebody sets them.")
]


def motilal(
    *,
    port: PortOption = 8100,
    orders_port: OrdersPortOption = 8101,
    feed_port: FeedPortOption = 8102,
    feed_tcp_port: FeedTcpPortOption = 18001,
    certificate: CertificateOption = None,
    key: KeyOption = None,
    seed: SeedOption = 1,
    step_ms: StepOption = 100,
    still: StillOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a simulator of Motilal Oswal's OpenAPI until Ctrl-C: REST, order stream and broadcast feed.

    Who may log in, and what can be made to go wrong: docs/simulators.md. It forgets everything when it ends.
    """
    import asyncio

    from phalanx.cli.display.screen import Screen
    from phalanx.simulation.motilal import SimulatorConfig
    from phalanx.simulation.motilal.listing import SCRIPS, shipped_scrips

    config = SimulatorConfig(
        scrips=SCRIPS + shipped_scrips(),
        seed=seed,
        step_ms=step_ms,
        walk=not still,
        host=HOST,
        rest_port=port,
        orders_port=orders_port,
        broadcast_port=feed_port,
        broadcast_tcp_port=feed_tcp_port,
    )
    tls = server_context(certificate, key)
    asyncio.run(_serve(config, tls, Screen(as_json=as_json)))


async def _serve(config: "SimulatorConfig", tls: ssl.SSLContext | None, screen: "Screen") -> None:
    from phalanx.cli.process.listener import allow_many_files, cannot_listen
    from phalanx.cli.process.stopping import stop_on_signals
    from phalanx.simulation.motilal import MotilalSimulator

    allow_many_files()
    stop = stop_on_signals()
    simulator = MotilalSimulator(config, tls)
    async with AsyncExitStack() as running:
        try:
            await running.enter_async_context(simulator)
        except OSError as error:
            option, port = OPTIONS[simulator.binding], getattr(config, simulator.binding)
            advice = f"phalanx simulate broker motilal {option} {{port}}"
            raise cannot_listen(error, HOST, port, advice) from None
        _say_ready(simulator, screen)
        await stop.wait()
    taken = len(simulator.orders)
    if screen.as_json:
        screen.document({"orders": taken})
    else:
        screen.say(f"{taken:,} orders were taken")


def _say_ready(simulator: "MotilalSimulator", screen: "Screen") -> None:
    host, port = simulator.broadcast_tcp
    places = {
        "url": simulator.rest_url,
        "orders": simulator.orders_ws_url,
        "feed": simulator.broadcast_ws_url,
        "feed_tcp": f"{host}:{port}",
    }
    if screen.as_json:
        screen.document({"ready": True, **places})
    else:
        screen.say("ready " + ", ".join(f"{name} {place}" for name, place in places.items()))
