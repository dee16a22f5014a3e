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
from phalanx.cli.serve import OpenLocalhostOption, PortOption, say_ready

if TYPE_CHECKING:
    from phalanx.cli.demo.logins import Logins
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.process.system import System


def demo(
    *,
    port: PortOption = None,
    data: DataOption = None,
    interval_s: Annotated[
        float, typer.Option("--interval", min=0.1, max=3600, help="Seconds between two signals.")
    ] = 1.0,
    open_localhost: OpenLocalhostOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No signals: only you trade.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Try everything: a server, 200 paper clients, random signals.

    Prints a line that begins with "ready", what to try, and a line per signal. The data folder is
    kept; the next demo goes on from it.
    """
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.process.hosting import host
    from phalanx.cli.process.logs import logging_to
    from phalanx.cli.process.startup import opened
    from phalanx.cli.process_settings import load_settings

    settings = load_settings(port=port, data=data, quotes="walk", open_localhost=open_localhost)
    if settings.tls_certificate is not None:
        detail = "the demo speaks plain http, on this machine; take tls_certificate away, or serve"
        raise Failure(Exit.USAGE, "DEMO_WITHOUT_TLS", detail)
    screen = Screen(as_json=as_json)
    show = Show(screen, None if quiet else interval_s)
    with (
        opened(settings, "make demo PORT={port}, or phalanx demo --port {port}") as listener,
        logging_to(settings.data / "logs", settings.log_level, quiet=True),
    ):
        host(settings, listener, show.welcome, prepare=show.prepare, guest=show.trade)
    if not as_json:
        screen.say(
            f"Ended. Everything is kept in {settings.data}; the next demo goes on from here."
        )


class Show:
    """One run of the demo, with a signal every ``interval_s``; None: only you trade."""

    def __init__(self, screen: "Screen", interval_s: float | None) -> None:
        self._screen = screen
        self._interval_s = interval_s
        self._logins: Logins | None = None

    async def prepare(self, system: "System") -> None:
        """Bring in the demo's people, and where people log in their logins."""
        await settle(system)
        if not system.settings.open_localhost:
            self._logins = await asyncio.to_thread(demo_logins, system)

    def welcome(self, system: "System", url: str) -> None:
        """Say where it is, who may come in, and what to try."""
        welcome(self._screen, system, url, self._logins)

    async def trade(self, system: "System", url: str, stop: asyncio.Event) -> None:
        """Send signals until the end; none where the logins are somebody's own."""
        from phalanx.cli.demo.traffic import Traffic

        may = self._logins is not None or system.settings.open_localhost
        if self._interval_s is None or not may:
            await stop.wait()
            return
        token = "" if self._logins is None else self._logins.key
        traffic = Traffic(url, self._screen, self._interval_s, token=token)
        await traffic.run(system.desk.stream, stop)


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


def demo_logins(system: "System") -> "Logins | None":
    """The logins of this demo. Slow: it hashes passwords. Raises Failure."""
    from phalanx.access.errors import AccessError
    from phalanx.bootstrap import SystemRandom
    from phalanx.cli.demo.logins import make_logins

    client = min(system.desk.state.clients)
    try:
        return make_logins(system.access.directory, system.settings.data, client, SystemRandom())
    except AccessError as error:
        raise Failure(Exit.FAILURE, error.code, error.message) from None


def welcome(screen: "Screen", system: "System", url: str, logins: "Logins | None") -> None:
    """Say where it is, who may come in, and what to try."""
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
    bearer = ""
    if logins is not None:
        names = ", ".join(f"{name} {password}" for name, password in logins.passwords.items())
        screen.say(f"  logins: {names}")
        screen.say(f"  export PHALANX_TOKEN={logins.key}")
        bearer = '-H "authorization: Bearer $PHALANX_TOKEN" '
    for line in (
        f"curl -X POST {url}/create_order {bearer}-H 'content-type: application/json' -d '{signal}'",
        f"curl {bearer}'{url}/api/v1/open-buys?limit=5'",
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
