"""`phalanx raw-details`: users, strategies and instruments by name, as older tools keep them."""

from pathlib import Path
from typing import Annotated

import typer

from phalanx.cli.option_sets import Asking, Importing, expanded
from phalanx.cli.options import OutOption

app = typer.Typer(
    help='Import and export {"USERS", "STRATEGIES", "INSTRUMENTS"}.',
    rich_markup_mode=None,
    no_args_is_help=True,
)

PATH = "/api/v1/raw-details"


@app.command("import")
@expanded
def import_details(
    file: Annotated[Path, typer.Argument(help="A JSON file; - reads the standard input.")],
    *,
    importing: Importing,
) -> None:
    """Add the users, strategies and instruments of a file, all or none, at once."""
    from phalanx.cli.display.importing import import_file

    import_file(importing, "POST", PATH, file, content_type="application/json")


@app.command("export")
@expanded
def export(*, out: OutOption = None, asking: Asking) -> None:
    """Write all names as a file that can be imported."""
    from phalanx.cli.profiles.command import write_document
    from phalanx.cli.remote.documents import decode

    with asking.connect() as there:
        write_document(decode(there.read(PATH)), out)
