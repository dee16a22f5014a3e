"""`phalanx whoami`, `password` and `totp`: what somebody does about their own login."""

from typing import TYPE_CHECKING, Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.identity.options import PasswordStdinOption
from phalanx.cli.option_sets import Asking, expanded

if TYPE_CHECKING:
    from phalanx.domain.secrets import Secret

totp = typer.Typer(help="A second factor of your own: a code of your phone.", rich_markup_mode=None)

ME = "/api/v1/auth/me"
TOTP = "/api/v1/auth/totp"
CodeStdinOption = Annotated[
    bool, typer.Option("--code-stdin", help="Read the code from the standard input, a line.")
]


@expanded
def whoami(*, asking: Asking) -> None:
    """Show who you are to the server, and what you may do."""
    from phalanx.cli.remote.documents import decode

    with asking.connect() as there:
        document = decode(there.read(ME))
    screen = asking.screen()
    if screen.as_json or not isinstance(document, dict):
        screen.document(document)
        return
    screen.fields({name: _words(value) for name, value in document.items()})


@expanded
def password(*, password_stdin: PasswordStdinOption = False, asking: Asking) -> None:
    """Change your password, at once; your other sessions end.

    Asks for the old one and, twice, for the new one. With --password-stdin: two lines, old and new.
    """
    from phalanx.cli.display.listing import shown
    from phalanx.cli.identity.logging_in import change_password
    from phalanx.cli.input.secrets import ask_new_password, ask_secret, line_of_stdin

    with asking.connect() as there:
        if password_stdin:
            old, new = line_of_stdin("old password"), line_of_stdin("new password")
        else:
            old, new = ask_secret("old password:"), ask_new_password()
        change_password(there, old, new)
    shown(asking, b'{"changed":true}', sentence="the password is changed")


@totp.command("enable")
@expanded
def enable(*, password_stdin: PasswordStdinOption = False, asking: Asking) -> None:
    """Begin with a second factor: shows the secret for your phone, then asks for its first code.

    With --password-stdin it ends after the secret; "totp confirm" gives the code.
    """
    from phalanx.cli.input.secrets import ask
    from phalanx.cli.remote.documents import decode

    body = {"password": _password(from_stdin=password_stdin).reveal()}
    with asking.connect() as there:
        begun = decode(there.once("POST", TOTP, body=body, look="phalanx whoami"))
        screen = asking.screen()
        if screen.as_json or not isinstance(begun, dict):
            screen.document(begun)
        else:
            screen.say(f"secret  {begun.get('secret')}")
            screen.say(f"uri     {begun.get('uri')}")
        if password_stdin:
            screen.note("not in force yet; give a code of it: phalanx totp confirm")
            return
        code = ask("code of your phone:")
        answer = there.once("POST", f"{TOTP}/confirm", body={"code": code}, look="phalanx whoami")
    _show_recovery_codes(asking, answer)


@totp.command("confirm")
@expanded
def confirm(*, code_stdin: CodeStdinOption = False, asking: Asking) -> None:
    """Give the first code of a second factor, which is in force from then on.

    Shows the recovery codes, once: each of them opens the door one time without your phone.
    """
    from phalanx.cli.input.secrets import ask, line_of_stdin

    code = line_of_stdin("code").reveal() if code_stdin else ask("code of your phone:")
    body = {"code": code.strip()}
    with asking.connect() as there:
        answer = there.once("POST", f"{TOTP}/confirm", body=body, look="phalanx whoami")
    _show_recovery_codes(asking, answer)


@totp.command("disable")
@expanded
def disable(*, password_stdin: PasswordStdinOption = False, asking: Asking) -> None:
    """Go without a second factor again, at once."""
    from phalanx.cli.display.listing import shown

    body = {"password": _password(from_stdin=password_stdin).reveal()}
    with asking.connect() as there:
        answer = there.once("DELETE", TOTP, body=body, look="phalanx whoami")
    shown(asking, answer, sentence="there is no second factor any more")


def _password(*, from_stdin: bool) -> "Secret":
    from phalanx.cli.input.secrets import ask_secret, line_of_stdin

    return line_of_stdin("password") if from_stdin else ask_secret("password:")


def _show_recovery_codes(asking: Asking, answer: bytes) -> None:
    from phalanx.cli.remote.documents import decode

    screen = asking.screen()
    document = decode(answer)
    codes = document.get("recovery_codes") if isinstance(document, dict) else None
    if not isinstance(codes, list):
        raise Failure(Exit.FAILURE, "BAD_ANSWER", "the server gave no recovery codes")
    if screen.as_json:
        screen.document(document)
        return
    screen.note(
        "the second factor is in force. Recovery codes, shown this once; each works one time:"
    )
    for code in codes:
        screen.say(str(code))


def _words(value: object) -> object:
    if isinstance(value, dict):
        said = [f"{name}: {_words(inner)}" for name, inner in value.items() if inner]
        return "; ".join(said) or "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else value
