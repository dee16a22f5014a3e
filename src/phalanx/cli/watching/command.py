"""`phalanx watch`: what happens, while it happens."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.option_sets import Asking, expanded

if TYPE_CHECKING:
    from phalanx.cli.remote.client import Server
    from phalanx.cli.watching.filters import Filters
    from phalanx.cli.watching.log import Log


@dataclass(frozen=True, kw_only=True)
class LineOptions:
    """What only makes sense of lines; any of these means lines on a terminal, too."""

    topics: Annotated[
        str | None,
        typer.Option(
            "--topics",
            help="As lines, which of orders, instructions, accounts, desk, breaks, changes, quotes.",
        ),
    ] = None
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="As lines, and stop after so many.")
    ] = None
    backlog: Annotated[
        bool, typer.Option("--backlog", help="As lines, first the rows that are there already.")
    ] = False
    lines: Annotated[bool, typer.Option("--lines", help="As lines on a terminal, too.")] = False

    @property
    def said(self) -> bool:
        """Whether any of them was."""
        return self != LineOptions()


@expanded
def watch(
    *,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", help="account=, instrument=, status=, kind= or strategy=; may be repeated."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="First the order log from there: an event, or a while (10m)."),
    ] = None,
    options: LineOptions,
    asking: Asking,
) -> None:
    """Follow what happens, live.

    On a terminal a picture: how much, how quickly, what is in doubt, what fires, what came of it.
    Elsewhere a line for every order, instruction or switch that changed. Until Ctrl-C; when the
    server goes away for a while, it is waited for.
    """
    from phalanx.cli.watching.filters import Filters

    topics = _topics(options.topics)
    wanted = Filters(filters or ())
    if since is not None and wanted.need_kinds:
        detail = "kind= does not go with --since: a line of the order log has no kind"
        raise Failure(Exit.USAGE, "BAD_FILTER", detail)
    with asking.connect() as there:
        wanted.resolve(lambda word: _instrument_key(there, word))
        log = _log(there, since)
        if asking.as_json or options.said or not _draws(sys.stdout.isatty()):
            code = _say(asking, there, topics, wanted, options, log)
        else:
            code = _draw(there, wanted, log)
    if code is not Exit.OK:
        raise typer.Exit(code)


def _say(
    asking: Asking,
    there: "Server",
    topics: tuple[str, ...],
    filters: "Filters",
    options: LineOptions,
    log: "Log | None",
) -> Exit:
    import asyncio

    from phalanx.cli.watching.follower import Follower
    from phalanx.cli.watching.lines import Lines

    count, backlog = options.count, options.backlog
    audience = Lines(asking.screen(), topics, filters, count=count, backlog=backlog)
    follower = Follower(there.url, audience.needs, audience, log, there.identity)
    return asyncio.run(follower.follow())


def _draw(there: "Server", filters: "Filters", log: "Log | None") -> Exit:
    import asyncio

    from phalanx.cli.watching.live import watch_live

    return asyncio.run(watch_live(there.url, filters, log, there.identity))


def _topics(text: str | None) -> tuple[str, ...]:
    """Raises Failure UNKNOWN_TOPIC."""
    from phalanx.cli.watching.messages import TOPICS

    if text is None:
        return ("orders", "instructions", "desk", "breaks", "changes")
    chosen = tuple(dict.fromkeys(topic.strip() for topic in text.split(",") if topic.strip()))
    if not chosen or any(topic not in TOPICS for topic in chosen):
        raise Failure(Exit.USAGE, "UNKNOWN_TOPIC", f"topics are {', '.join(TOPICS)}")
    return chosen


def _instrument_key(there: "Server", word: str) -> str:
    """What the server knows by that name, as it is or in capitals: a filter is in any case.

    Raises Failure UNKNOWN_INSTRUMENT, AMBIGUOUS_TOKEN.
    """
    from phalanx.cli.input.names import at
    from phalanx.cli.remote.documents import decode

    for name in dict.fromkeys((word, word.upper())):
        try:
            token = decode(there.read(at("/api/v1/tokens", name)))
        except Failure as failure:
            if failure.code != "NOT_FOUND":
                raise
        else:
            return str(token.get("id")) if isinstance(token, dict) else name
    raise Failure(Exit.USAGE, "UNKNOWN_INSTRUMENT", f"nobody knows an instrument {word[:64]!r}")


def _draws(on_terminal: bool) -> bool:
    """Whether a picture can be drawn: not on a terminal that cannot move its cursor."""
    from rich.console import Console

    return on_terminal and not Console().is_dumb_terminal


def _log(there: "Server", since: str | None) -> "Log | None":
    """Where to begin, if that is not now. Raises Failure BAD_MOMENT, UNREACHABLE."""
    from datetime import UTC, datetime

    from phalanx.cli.watching.log import log_since

    return None if since is None else log_since(there, since, datetime.now(UTC))
