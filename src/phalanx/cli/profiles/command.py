"""`phalanx profiles`: who trades what under which strategy, made up, brought in, written out."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phalanx.cli.option_sets import Asking, Changing, expanded
from phalanx.cli.options import JsonOption

if TYPE_CHECKING:
    from phalanx.cli.profiles.random_profiles import Details

app = typer.Typer(
    help="Generate, import and export profiles.", rich_markup_mode=None, no_args_is_help=True
)

USERS_MAX = 10_000
STRATEGIES_MAX = 1_000
DETAILS_BYTES_MAX = 8 * 1024 * 1024

OutOption = Annotated[
    Path | None, typer.Option("--out", help="Write to this file instead of the standard output.")
]


@app.command("generate")
def generate(
    *,
    users: Annotated[
        int | None, typer.Option("--users", min=1, max=USERS_MAX, help="How many. [default: 200]")
    ] = None,
    strategies: Annotated[
        int | None,
        typer.Option("--strategies", min=1, max=STRATEGIES_MAX, help="How many. [default: 9]"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same profiles.")] = 0,
    details: Annotated[
        Path | None,
        typer.Option(
            "--details", help='Take the names from {"USERS", "STRATEGIES", "INSTRUMENTS"}.'
        ),
    ] = None,
    out: OutOption = None,
    as_json: JsonOption = False,  # noqa: ARG001 - profiles are JSON either way
) -> None:
    """Write random profiles: {user: {strategy: [instrument, …]}}."""
    from phalanx.cli.profiles.random_profiles import random_profiles

    names = _names(users, strategies, seed, details)
    write_document(random_profiles(names, seed), out)


@app.command("import")
@expanded
def import_profiles(
    file: Annotated[Path, typer.Argument(help="A JSON file; - reads the standard input.")],
    *,
    changing: Changing,
) -> None:
    """Upsert profiles, all or nothing, at once: what the file does not name stays as it is."""
    from phalanx.cli.profiles.file import read_profile_file
    from phalanx.cli.remote.documents import decode

    profiles = read_profile_file(file)
    with changing.connect() as there:
        body = there.change("POST", "/api/v1/profiles", key=changing.key, body=profiles)
    screen = changing.screen()
    answer = decode(body)
    if screen.as_json or not isinstance(answer, dict):
        screen.document(answer)
    else:
        screen.fields(answer)


@app.command("export")
@expanded
def export(
    *,
    out: OutOption = None,
    asking: Asking,
) -> None:
    """Write all profiles as a file that can be imported."""
    from phalanx.cli.remote.documents import decode

    with asking.connect() as there:
        write_document(decode(there.read("/api/v1/profiles")), out)


def _names(users: int | None, strategies: int | None, seed: int, details: Path | None) -> "Details":
    from phalanx.cli.exit_codes import Exit, Failure
    from phalanx.cli.input.files import read_bounded
    from phalanx.cli.profiles.random_profiles import made_up_details, read_details

    if details is None:
        return made_up_details(users or 200, strategies or 9, seed)
    if users is not None or strategies is not None:
        detail = "--details brings its own users and strategies"
        raise Failure(Exit.USAGE, "EITHER_OR", detail)
    return read_details(read_bounded(details, DETAILS_BYTES_MAX))


def write_document(document: object, out: Path | None) -> None:
    """JSON that people read, to stdout or into a file. Raises Failure FILE_NOT_WRITTEN."""
    from phalanx.cli.input.files import write_whole

    # What a terminal would obey is escaped, which JSON allows; a file keeps names readable.
    ascii_only = out is None and sys.stdout.isatty()
    text = json.dumps(document, ensure_ascii=ascii_only, indent=2)
    if out is None:
        print(text)
    else:
        write_whole(out, text + "\n")
