"""A file that goes to the server, with a bar while it does, and the server's report about it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from phalanx.cli.display.listing import shown
from phalanx.cli.display.progress import upload
from phalanx.cli.input.files import read_bounded
from phalanx.cli.persons.asked import end_if_asked
from phalanx.cli.remote.documents import decode

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.option_sets import Changing

FILE_BYTES_MAX = 64 * 1024 * 1024


def import_file(
    changing: "Changing",
    method: str,
    path: str,
    file: Path,
    *,
    content_type: str = "text/csv",
    parameters: dict[str, str] | None = None,
    tell: "Callable[[Screen, dict[str, object]], None] | None" = None,
) -> None:
    """Send a file as it is and show the report, for a person as ``tell`` has it. Raises Failure."""
    content = read_bounded(file, FILE_BYTES_MAX)
    with (
        changing.connect() as there,
        upload(changing.screen(), f"importing {file.name}", len(content)) as sent,
    ):
        answer = there.change(
            method,
            path,
            key=changing.key,
            parameters=parameters,
            content=content,
            content_type=content_type,
            sent=sent,
        )
    end_if_asked(changing, answer)
    screen = changing.screen()
    report = decode(answer)
    if tell is None or screen.as_json or not isinstance(report, dict):
        shown(changing, answer)
    else:
        tell(screen, report)
