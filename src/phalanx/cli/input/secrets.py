"""What must not be seen, neither on a screen nor in a list of processes: asked for, or read from stdin."""

import sys

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.domain.secrets import Secret

LINE_CHARACTERS_MAX = 4_096


def ask(prompt: str) -> str:
    """A line of a person, with the prompt on stderr. Raises Failure NO_TERMINAL."""
    _need_terminal()
    print(prompt, end=" ", file=sys.stderr, flush=True)
    return _line().strip()


def ask_secret(prompt: str) -> Secret:
    """A line that is not shown while it is typed. Raises Failure NO_TERMINAL."""
    from getpass import getpass

    _need_terminal()
    try:
        return Secret(getpass(f"{prompt} "))
    except EOFError:
        raise _nothing_came() from None


def ask_new_password() -> Secret:
    """A new password, typed twice. Raises Failure NO_TERMINAL, PASSWORDS_DIFFER."""
    new = ask_secret("new password:")
    if ask_secret("once more:") != new:
        raise Failure(Exit.USAGE, "PASSWORDS_DIFFER", "the two are not the same")
    return new


def line_of_stdin(what: str) -> Secret:
    """The next line of the standard input, without its end. Raises Failure NOTHING_READ."""
    line = _line().removesuffix("\n").removesuffix("\r")
    if not line:
        raise Failure(Exit.USAGE, "NOTHING_READ", f"the standard input holds no {what}")
    return Secret(line)


def _line() -> str:
    """Raises Failure NOTHING_READ, LINE_TOO_LONG."""
    line = sys.stdin.readline(LINE_CHARACTERS_MAX)
    if not line:
        raise _nothing_came()
    if len(line) == LINE_CHARACTERS_MAX:
        raise Failure(Exit.USAGE, "LINE_TOO_LONG", "a line of the standard input is too long")
    return line


def _nothing_came() -> Failure:
    return Failure(Exit.USAGE, "NOTHING_READ", "the standard input is at its end")


def _need_terminal() -> None:
    if not sys.stdin.isatty():
        detail = "there is no terminal to ask on; give it on the standard input, see --help"
        raise Failure(Exit.USAGE, "NO_TERMINAL", detail)
