"""Options of the commands about logins."""

from typing import Annotated, TypeAlias

import typer

from phalanx.cli.input import completion
from phalanx.cli.remote import way

NameOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--name",
        envvar="PHALANX_CONNECTION",
        help="The connection. [default: the default one]",
        autocompletion=completion.connections,
        callback=way.connection,
    ),
]
PasswordStdinOption: TypeAlias = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from the standard input, a line."),
]
UserArgument: TypeAlias = Annotated[
    str, typer.Argument(help="The user's name.", autocompletion=completion.users)
]
