"""`phalanx watch`: what happens, line by line, while it happens."""

from typing import Annotated

import typer

from phalanx.cli.exits import Exit
from phalanx.cli.options import JsonOption, ServerOption

TOPICS = ("orders", "instructions", "accounts", "desk")


def watch(
    *,
    topics: Annotated[
        str, typer.Option("--topics", help=f"Which of {', '.join(TOPICS)}; with commas.")
    ] = "orders,instructions,desk",
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="Stop after so many lines.")
    ] = None,
    backlog: Annotated[
        bool, typer.Option("--backlog", help="First show the rows that are there already.")
    ] = False,
    server: ServerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow what happens, line by line.

    A line per order, instruction or switch that changed, until Ctrl-C. When a message is missing or
    the server goes away for a while, the stream is joined again.
    """
    import asyncio

    from phalanx.cli.client import checked_url, configured_server
    from phalanx.cli.exits import Failure
    from phalanx.cli.follower import Follower
    from phalanx.cli.screen import Screen

    chosen = tuple(dict.fromkeys(topic.strip() for topic in topics.split(",") if topic.strip()))
    unknown = [topic for topic in chosen if topic not in TOPICS]
    if unknown or not chosen:
        detail = f"topics are {', '.join(TOPICS)}"
        raise Failure(Exit.USAGE, "UNKNOWN_TOPIC", detail)
    url = checked_url(server or configured_server())
    follower = Follower(url, chosen, Screen(as_json=as_json), count=count, backlog=backlog)
    asyncio.run(follower.follow())
