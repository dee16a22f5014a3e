"""`phalanx serve`: the server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from phalanx.cli.options import DataOption, JsonOption

if TYPE_CHECKING:
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
        "--open-localhost", help="No logins, this machine only: the default and only mode yet."
    ),
]
QuotesOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--quotes",
        metavar="closes|walk|replay:FILE",
        help="Prices stay at the last closes, walk from them, or are those of a CSV of past days "
        "(date,symbol,open,high,low,close,volume). [default: closes]",
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
        run(settings, listener, lambda system, url: say_ready(screen, system, url))


def say_ready(screen: "Screen", system: "System", url: str) -> None:
    """The line that scripts wait for: requests are served from now on."""
    data = str(system.settings.data)
    if screen.as_json:
        screen.document({"ready": True, "url": url, "data": data})
    else:
        screen.say(f"ready {url} (data in {data}; no logins, this machine only)")
