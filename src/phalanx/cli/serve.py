"""`phalanx serve`: the server."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from phalanx.cli.options import DataOption, JsonOption

if TYPE_CHECKING:
    from phalanx.access.users import Created
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.process.system import System

PortOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65_535, help="Port, 0 for a free one. [default: 8080]"),
]
HostOption: TypeAlias = Annotated[
    str | None, typer.Option("--host", help="Address to listen on. [default: 127.0.0.1]")
]
ProfilesOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--profiles", help="Profiles (JSON), read and upserted at every start."),
]
InstrumentsOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--instruments", help="Instruments (CSV), put in force at every start."),
]
OpenLocalhostOption: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--open-localhost/--logins",
        help="Ask nobody who they are, and serve this machine only. [default: logins]",
    ),
]
QuotesOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--quotes",
        metavar="closes|walk|replay:FILE|broadcast",
        help="Prices stay at the last closes, walk from them, are those of a CSV of past days "
        "(date,symbol,open,high,low,close,volume), or the market's, from the broadcast that the settings "
        "name. [default: closes]",
    ),
]


def serve(
    *,
    port: PortOption = None,
    host: HostOption = None,
    data: DataOption = None,
    profiles: ProfilesOption = None,
    instruments: InstrumentsOption = None,
    open_localhost: OpenLocalhostOption = None,
    quotes: QuotesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the server.

    Prints a line that begins with "ready" when it serves; ends with SIGTERM or Ctrl-C.
    """
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.process.hosting import host as run
    from phalanx.cli.process.logs import logging_to
    from phalanx.cli.process.startup import opened
    from phalanx.cli.process_settings import load_settings

    settings = load_settings(
        host=host,
        port=port,
        data=data,
        profiles=profiles,
        instruments=instruments,
        open_localhost=open_localhost,
        quotes=quotes,
    )
    screen = Screen(as_json=as_json)
    with (
        opened(settings, "phalanx serve --port {port}") as listener,
        logging_to(settings.data / "logs", settings.log_level, quiet=as_json),
    ):
        welcome = Welcome(screen)
        run(settings, listener, welcome.say, prepare=welcome.prepare)


class Welcome:
    """What a server says first; a new one also the password of its first admin, once."""

    def __init__(self, screen: "Screen") -> None:
        self._screen = screen
        self._first: Created | None = None

    async def prepare(self, system: "System") -> None:
        """Make the first admin, where people log in and there is nobody yet."""
        if not system.settings.open_localhost:
            self._first = await asyncio.to_thread(system.access.directory.users.first_admin)

    def say(self, system: "System", url: str) -> None:
        """The ready line, and the password."""
        first, self._first = self._first, None
        facts = {}
        if first is not None and first.password is not None:
            facts = {"first_login": first.user.name, "password": first.password.reveal()}
        say_ready(self._screen, system, url, **facts)
        if facts and not self._screen.as_json:
            self._screen.say(
                f"first login: {facts['first_login']}, password {facts['password']} "
                "(shown this once; it is changed at the first login)"
            )


def say_ready(screen: "Screen", system: "System", url: str, **facts: str) -> None:
    """The line that scripts wait for: requests are served from now on. ``facts`` go along in JSON."""
    data = str(system.settings.data)
    if screen.as_json:
        screen.document({"ready": True, "url": url, "data": data, **facts})
    elif system.settings.open_localhost:
        screen.say(f"ready {url} (data in {data}; no logins, this machine only)")
    else:
        screen.say(f"ready {url} (data in {data})")
