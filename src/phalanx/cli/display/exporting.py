"""A list of the server's as a file."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phalanx.cli.option_sets import Asking


def export_csv(asking: "Asking", path: str, out: Path | None) -> None:
    """The server's CSV (or, with --json, its JSON) to stdout or into a file. Raises Failure."""
    from phalanx.cli.input.files import write_whole
    from phalanx.cli.remote.documents import decode, encode

    screen = asking.screen()
    with asking.connect() as there:
        answer = there.answer(path, {} if screen.as_json else {"format": "csv"})
    if out is not None:
        write_whole(out, encode(decode(answer.content)) + "\n" if screen.as_json else answer.text)
    elif screen.as_json:
        screen.document(decode(answer.content))
    else:
        screen.raw(answer.text)
