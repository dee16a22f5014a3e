"""`phalanx demo`: everything in one process, with paper clients and random signals."""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.options import DataOption, JsonOption
from phalanx.cli.remote.address import DEFAULT_SERVER
from phalanx.cli.serve import PortOption, say_ready

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.process.system import System


def demo(
    *,
    port: PortOption = None,
    data: DataOption = None,
    interval_s: Annotated[
        float, typer.Option("--interval", min=0.1, max=3600, help="Seconds between two signals.")
    ] = 1.0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No signals: only you trade.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Try everything: a server, 200 paper clients, random signals.

    Prints a line that begins with "ready", what to try, and a line per signal. The data folder is
    kept; the next demo goes on from it.
    """
    from phalanx.cli.demo.traffic import Traffic
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.process.hosting import host
    from phalanx.cli.process.logs import logging_to
    from phalanx.cli.process.startup import opened
    from phalanx.cli.process_settings import load_settings

    settings = load_settings(port=port, data=data, quotes="walk")
    screen = Screen(as_json=as_json)
    advice = "make demo PORT={port}, or phalanx demo --port {port}"

    def ready(system: "System", url: str) -> None:
        welcome(screen, system, url)

    async def traffic(system: "System", url: str, stop: asyncio.Event) -> None:
        if quiet:
            await stop.wait()
        else:
            await Traffic(url, screen, interval_s).run(system.desk.stream, stop)

    with (
        opened(settings, advice) as listener,
        logging_to(settings.data / "logs", settings.log_level, quiet=True),
    ):
        host(settings, listener, ready, prepare=settle, guest=traffic)
    if not as_json:
        screen.say(
            f"Ended. Everything is kept in {settings.data}; the next demo goes on from here."
        )


async def settle(system: "System") -> None:
    """Bring in whoever of the demo's people is not there yet."""
    from phalanx.cli.demo.world import newcomers
    from phalanx.domain.accounts import Mode

    desk = system.desk
    for account in desk.state.accounts.values():
        if account.mode is not Mode.PAPER:
            detail = f"the demo is for paper only, and {account.id} is live; use another --data"
            raise Failure(Exit.NOT_ALLOWED, "ACCOUNT_LIVE", detail)
    command = newcomers(desk.state, desk.instruments, desk.clock.now())
    if command is not None:
        await desk.execute(command)


def welcome(screen: "Screen", system: "System", url: str) -> None:
    """Say where it is and what to try."""
    say_ready(screen, system, url)
    if screen.as_json:
        return
    state = system.desk.state
    program = _program()
    named = program if url == DEFAULT_SERVER else f"PHALANX_SERVER={url} {program}"
    signal = '{"STRATEGY":"STRATEGY_B","INSTRUMENT":"MINDA","POSITION":"BUY"}'
    screen.say(
        f"{len(state.clients)} paper clients, {len(state.strategies)} strategies, "
        f"{len(system.desk.instruments)} instruments. Ctrl-C ends the demo. Try, in another terminal:"
    )
    screen.say()
    for line in (
        f"curl -X POST {url}/create_order -H 'content-type: application/json' -d '{signal}'",
        f"curl '{url}/api/v1/open-buys?limit=5'",
        f"{named} signal STRATEGY_A BUY GRASIM --confirm",
        f"{named} orders --limit 20",
        f"{named} open-buys --instrument MINDA",
        f"{named} watch",
        f"{named} kill        (and: kill lift)",
        f"{url}/docs          every door, to read, with curl lines",
    ):
        screen.say(f"  {line}")
    screen.say()


def _program() -> str:
    """How this program is called from where we are."""
    if shutil.which("phalanx"):
        return "phalanx"
    beside = Path(sys.executable).with_name("phalanx")
    return str(beside.relative_to(Path.cwd())) if beside.is_relative_to(Path.cwd()) else str(beside)
