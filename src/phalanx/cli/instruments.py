"""`phalanx instruments`: bring the master up to date, find an instrument in it."""

from pathlib import Path
from typing import Annotated

import typer

from phalanx.cli.options import (
    DEFAULT_TIMEOUT_S,
    JsonOption,
    KeyOption,
    ServerOption,
    TimeoutOption,
)

app = typer.Typer(
    help="Import instruments, search them.", rich_markup_mode=None, no_args_is_help=True
)

FILE_BYTES_MAX = 64 * 1024 * 1024
IMPORT_TIMEOUT_S = 120.0


@app.command("import")
def import_instruments(
    file: Annotated[Path, typer.Argument(help="A CSV file; - reads the standard input.")],
    *,
    key: KeyOption = None,
    server: ServerOption = None,
    timeout_s: TimeoutOption = IMPORT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Add or change the instruments of a file, at once, and show what changed; others stay."""
    from phalanx.cli.client import connect
    from phalanx.cli.documents import decode
    from phalanx.cli.files import read_bounded
    from phalanx.cli.screen import Screen

    content = read_bounded(file, FILE_BYTES_MAX)
    with connect(server, timeout_s) as there:
        body = there.change(
            "POST",
            "/api/v1/instruments",
            key=key,
            parameters={"name": file.name},
            content=content,
            content_type="text/csv",
        )
    screen = Screen(as_json=as_json)
    answer = decode(body)
    if as_json or not isinstance(answer, dict):
        screen.document(answer)
    else:
        screen.fields(answer)


@app.command("search")
def search(
    words: Annotated[str, typer.Argument(metavar="Q", help="Part of a symbol, alias or token.")],
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")] = 20,
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Find instruments; whole matches come first."""
    from phalanx.cli.client import connect
    from phalanx.cli.columns import INSTRUMENTS
    from phalanx.cli.listing import show_list
    from phalanx.cli.screen import Screen

    screen = Screen(as_json=as_json)
    path = "/api/v1/instruments/search"
    empty = f"nothing is named like {words!r}"
    with connect(server, timeout_s) as there:
        show_list(there, screen, path, {"q": words, "limit": limit}, INSTRUMENTS, empty=empty)
