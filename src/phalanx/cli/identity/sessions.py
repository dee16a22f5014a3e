"""`phalanx sessions`: who is logged in, and ending it."""

from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input import completion
from phalanx.cli.option_sets import Asking, Paged, expanded

app = typer.Typer(help="List the sessions that are open; end one.", rich_markup_mode=None)

PATH = "/api/v1/sessions"
EVERYBODY = "*"


@app.command("list")
@expanded
def listed(
    *,
    user: Annotated[
        str | None,
        typer.Option(
            "--user",
            help="Of this user, which only an admin may see. [default: your own]",
            autocompletion=completion.users,
        ),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Of everybody, which only an admin may see.")
    ] = False,
    paged: Paged,
) -> None:
    """List the sessions that are open, the newest first."""
    from phalanx.cli.display.columns import SESSIONS
    from phalanx.cli.display.listing import listed as show

    if everybody and user is not None:
        raise Failure(Exit.USAGE, "EITHER_OR", "say --user or --all, not both")
    whose = EVERYBODY if everybody else user
    show(paged, PATH, SESSIONS, empty="no session is open", parameters={"user": whose})


@app.command("end")
@expanded
def end(
    session: Annotated[
        str, typer.Argument(help="The session's id.", autocompletion=completion.sessions)
    ],
    *,
    asking: Asking,
) -> None:
    """End a session of yours, at once; an admin may end anybody's."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with asking.connect() as there:
        answer = there.once("DELETE", at(PATH, session), look="phalanx sessions list")
    shown(asking, answer, sentence=f"session {session} is ended")
