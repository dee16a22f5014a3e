"""`phalanx replay`: any past moment, rebuilt from the journal alone."""

from typing import Annotated

import typer

from phalanx.cli.options import FolderArgument, JsonOption


def replay(
    data: FolderArgument = None,
    *,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="SEQ|TIME",
            help="An event's number, or a time such as 2026-11-20T09:15 (India unless it says "
            "otherwise). [default: now]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show any past moment.

    Rebuilds positions and open buys from the journal. Writes nothing; a server may be at work in
    the folder.
    """
    from phalanx.cli.display.columns import OPEN_BUYS, PAST_POSITIONS
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.input.moments import moment_of
    from phalanx.cli.journal.past import Past, rebuilt
    from phalanx.cli.process_settings import load_settings
    from phalanx.domain.time import iso

    folder = load_settings(data=data).data
    state = rebuilt(folder, moment_of(until))
    past = Past(state, folder)
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document(past.document())
        return
    time = iso(state.time, state.settings.zone_offset_s)
    screen.say(f"after event {state.seq} of epoch {state.epoch}, {time}")
    screen.say()
    screen.table(PAST_POSITIONS, past.positions(), empty="no positions", title="positions")
    screen.say()
    screen.table(OPEN_BUYS, past.open_buys(), empty="no open buys", title="open buys")
