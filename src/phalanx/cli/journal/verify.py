"""`phalanx verify`: is a data folder's journal sound, and does it replay to what its snapshot says."""

import typer

from phalanx.cli.exit_codes import Exit
from phalanx.cli.options import FolderArgument, JsonOption


def verify(
    data: FolderArgument = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Check a data folder's journal.

    Reads every record, replays from the first event and compares with the snapshot. Writes nothing;
    a server may be at work in the folder.
    """
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.journal.verification import verified
    from phalanx.cli.process_settings import load_settings

    folder = load_settings(data=data).data
    found = verified(folder)
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document(found.document())
    else:
        for line in found.lines():
            screen.say(line)
    if not found.ok:
        raise typer.Exit(Exit.FAILURE)
