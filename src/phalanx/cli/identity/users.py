"""`phalanx users`: who may log in, and what for."""

from enum import StrEnum
from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.identity.options import PasswordStdinOption, UserArgument
from phalanx.cli.option_sets import Asking, Paged, expanded
from phalanx.cli.options import DataOption, JsonOption

app = typer.Typer(help="List users; make, change, disable or enable one.", rich_markup_mode=None)

PATH = "/api/v1/users"
LOOK = "phalanx users list"
ClientsOption = Annotated[
    list[int] | None,
    typer.Option(
        "--client", min=0, max=2**53 - 1, help="Sees this client, by its number; may be repeated."
    ),
]
MayTradeOption = Annotated[
    bool | None,
    typer.Option("--may-trade/--may-not-trade", help="A client may place orders of its own."),
]


class Role(StrEnum):
    """What a person is here for."""

    ADMIN = "admin"
    TRADER = "trader"
    VIEWER = "viewer"
    CLIENT = "client"


@app.command("list")
@expanded
def listed(*, paged: Paged) -> None:
    """List the users."""
    from phalanx.cli.display.columns import USERS
    from phalanx.cli.display.listing import listed as show

    show(paged, PATH, USERS, empty="no users")


@app.command("create")
@expanded
def create(
    name: Annotated[str, typer.Argument(help="The name to log in with.")],
    *,
    role: Annotated[Role, typer.Option("--role", help="What for.", case_sensitive=False)],
    clients: ClientsOption = None,
    may_trade: MayTradeOption = None,
    password_stdin: PasswordStdinOption = False,
    asking: Asking,
) -> None:
    """Make a user, at once, with a password that is shown once and changed at the first login.

    With --password-stdin the password is yours, and not shown.
    """
    from phalanx.cli.display.columns import USERS
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.secrets import line_of_stdin

    body: dict[str, object] = {"name": name, "role": role.value, **_duties(clients, may_trade)}
    if password_stdin:
        body["password"] = line_of_stdin("password").reveal()
    with asking.connect() as there:
        answer = there.once("POST", PATH, body=body, look=LOOK)
    shown(asking, answer, columns=USERS)
    _tell_password(asking, answer)


@app.command("change")
@expanded
def change(
    name: UserArgument,
    *,
    role: Annotated[
        Role | None, typer.Option("--role", help="What for.", case_sensitive=False)
    ] = None,
    clients: ClientsOption = None,
    may_trade: MayTradeOption = None,
    asking: Asking,
) -> None:
    """Change what a user is here for, at once; what is not said stays."""
    said = _duties(clients, may_trade)
    if role is not None:
        said["role"] = role.value
    if not said:
        raise Failure(Exit.USAGE, "NOTHING_TO_CHANGE", "say --role, --client or --may-trade")
    _change(asking, name, said)


@app.command("disable")
@expanded
def disable(name: UserArgument, *, asking: Asking) -> None:
    """Let a user in no more, at once; their sessions end. What they left waiting is told, and goes on."""
    _change(asking, name, {"enabled": False})


@app.command("enable")
@expanded
def enable(name: UserArgument, *, asking: Asking) -> None:
    """Let a user in again, at once."""
    _change(asking, name, {"enabled": True})


@app.command("reset-password")
@expanded
def reset_password(name: UserArgument, *, asking: Asking) -> None:
    """Give a user a new password, at once, which is shown once and changed at the next login."""
    from phalanx.cli.display.columns import USERS
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    look = "the user's sessions ended if it was done; reset it again"
    with asking.connect() as there:
        answer = there.once("POST", at(PATH, name, "reset-password"), look=look)
    shown(asking, answer, columns=USERS)
    _tell_password(asking, answer)


@app.command("remove-totp")
@expanded
def remove_totp(name: UserArgument, *, asking: Asking) -> None:
    """Take a user's second factor away, at once: their phone is lost."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with asking.connect() as there:
        answer = there.once("DELETE", at(PATH, name, "totp"), look=LOOK)
    shown(asking, answer, sentence=f"{name} has no second factor any more")


@app.command("rescue")
def rescue(
    name: Annotated[
        str | None, typer.Argument(help="Which admin. [default: the only one]", show_default=False)
    ] = None,
    *,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let an admin in again, on the server's own machine, with a password that is shown once.

    The server of the data folder must be stopped. The admin is enabled, their second factor goes and
    their sessions end; where there is no admin one is made. The audit shows it from the next start on.
    """
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.identity.rescuing import rescued
    from phalanx.cli.process_settings import load_settings

    found = rescued(load_settings(data=data).data, name)
    password = found.password.reveal()
    screen = Screen(as_json=as_json)
    if as_json:
        document = {"name": found.user.name, "made": found.is_new, "password": password}
        screen.document(document)
        return
    what = "is made" if found.is_new else "can log in again"
    screen.note(
        f"admin {found.user.name} {what}. Password, shown this once; it is changed at the next login:"
    )
    screen.say(password)


def _duties(clients: list[int] | None, may_trade: bool | None) -> dict[str, object]:
    said: dict[str, object] = {}
    if clients:
        said["clients"] = clients
    if may_trade is not None:
        said["may_trade"] = may_trade
    return said


def _change(asking: Asking, name: str, body: dict[str, object]) -> None:
    from phalanx.cli.display.columns import USERS
    from phalanx.cli.display.listing import shown
    from phalanx.cli.identity.left_waiting import tell_left_waiting
    from phalanx.cli.input.names import at

    with asking.connect() as there:
        answer = there.once("PATCH", at(PATH, name), body=body, look=LOOK)
    shown(asking, answer, columns=USERS)
    tell_left_waiting(asking.screen(), answer)


def _tell_password(asking: Asking, answer: bytes) -> None:
    """The password that was drawn, on a line of its own; JSON has it in its document."""
    from phalanx.cli.remote.documents import decode

    screen = asking.screen()
    document = decode(answer)
    password = document.get("password") if isinstance(document, dict) else None
    if not screen.as_json and isinstance(password, str):
        screen.note("password, shown this once; it is changed at the next login:")
        screen.say(password)
