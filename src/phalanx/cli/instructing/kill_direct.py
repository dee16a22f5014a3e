"""`phalanx kill --direct`: raise the flag in a data folder. It needs no server and no journal."""

import fcntl
import os
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from phalanx.cli.exit_codes import Exit, Failure

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen
    from phalanx.domain.kills import KillScope

ADOPTION_S_MAX = 2.0
LOOK_PAUSE_S = 0.05


class At(StrEnum):
    """What is known of the server, once the flag is up."""

    ADOPTED = "adopted"
    PENDING = "pending"
    STOPPED = "stopped"
    UNKNOWN = "unknown"
    NEVER = "never"


SENTENCES = {
    At.ADOPTED: "the running server has made it its own",
    At.PENDING: "the server that runs there has not made it its own yet: it hangs, and sends none as "
    "soon as it goes on and reads the flag",
    At.STOPPED: "no server runs there: it holds at the next start",
    At.UNKNOWN: "whether a server runs there cannot be told: one that goes on or starts, and reads the "
    "flag, sends none",
}


def kill_directly(
    scope: Mapping[str, str], data: Path | None, *, cancel: bool, note: str, screen: "Screen"
) -> None:
    """Stop new risk in a scope, and say what became of it.

    Raises Failure TEXT_TOO_LONG, INVALID_TEXT, FLAG_FULL, FLAG_BUSY, FLAG_LOST; NEVER_RAN, with the flag up
    all the same.
    """
    from phalanx import bootstrap
    from phalanx.brokers.kill_flag import KillFlagBusy, KillFlagFull
    from phalanx.domain.kills import KillLevel, KillScope

    whom = KillScope(KillLevel(scope.get("level", KillLevel.ALL)), scope.get("name", ""))
    _check_texts(whom, note)
    # A folder that was named is not looked up: no broken settings file may stand in the way.
    folder = _configured() if data is None else data
    try:
        number = bootstrap.order_direct_kill(folder, whom, cancel=cancel, note=note)
    except KillFlagFull:
        detail = f"{folder}: so many kills wait there that none fits in; kill everybody instead"
        raise Failure(Exit.FAILURE, "FLAG_FULL", detail) from None
    except KillFlagBusy:
        detail = f"{folder}: another phalanx kill --direct has been writing for seconds: try again"
        raise Failure(Exit.FAILURE, "FLAG_BUSY", detail) from None
    except OSError as error:
        raise Failure(Exit.FAILURE, "FLAG_LOST", f"{folder}: not killed: {error}") from None
    server = _server(folder, number)
    if screen.as_json:
        document = {"raised": True, "data": str(folder), "level": whom.level.value}
        document |= {"name": whom.name or None, "cancel": cancel, "note": note}
        screen.document({**document, "server": server.value})
    elif server is not At.NEVER:
        _tell(screen, folder, str(whom), server, cancel=cancel)
    if server is At.NEVER:
        detail = (
            f"no server ever ran in {folder}: the flag is raised there, and stops nobody elsewhere"
        )
        raise Failure(Exit.FAILURE, "NEVER_RAN", detail)


def _check_texts(whom: "KillScope", note: str) -> None:
    """As the door of kills does. Raises Failure TEXT_TOO_LONG, INVALID_TEXT."""
    from phalanx.domain.names import (
        NAME_CHARACTERS_MAX,
        NOTE_CHARACTERS_MAX,
        is_printable,
        is_printable_note,
    )

    checks = (
        (f"--{whom.level}", whom.name, NAME_CHARACTERS_MAX, is_printable),
        ("--note", note, NOTE_CHARACTERS_MAX, is_printable_note),
    )
    for option, text, characters_max, is_fit in checks:
        if len(text) > characters_max:
            detail = f"{option} has at most {characters_max} characters"
            raise Failure(Exit.USAGE, "TEXT_TOO_LONG", detail)
        if not is_fit(text):
            raise Failure(Exit.USAGE, "INVALID_TEXT", f"{option} holds a control character")


def _configured() -> Path:
    from phalanx.cli.process_settings import load_settings

    return load_settings().data


def _server(folder: Path, number: int) -> At:
    """Wait for the server that holds the folder to adopt the flag with this number."""
    is_held = _is_held(folder)
    if not is_held and not (folder / "journal").exists():
        return At.NEVER
    if is_held is False:
        return At.STOPPED
    give_up = time.monotonic() + ADOPTION_S_MAX
    while not _is_adopted(folder, number):
        if time.monotonic() >= give_up:
            return At.UNKNOWN if is_held is None else At.PENDING
        time.sleep(LOOK_PAUSE_S)
    return At.ADOPTED


def _is_adopted(folder: Path, number: int) -> bool:
    from phalanx.brokers.kill_flag import FILE, is_adopted

    try:
        return is_adopted(folder / FILE, number)
    except OSError:
        return False


def _is_held(folder: Path) -> bool | None:
    """Whether a server holds the data folder; None where its lock cannot be read."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        # A shared lock, for a moment: what does not get it meets the exclusive one of a server.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def _tell(screen: "Screen", folder: Path, whom: str, server: At, *, cancel: bool) -> None:
    screen.say(f"new orders are stopped for {whom}, past the server of {folder}")
    screen.say(SENTENCES[server])
    if cancel and server is not At.ADOPTED:
        screen.say(
            "what works there is canceled by that server, as soon as it is back: nothing is "
            "canceled at a broker without it"
        )
    screen.say("lift it at the server: phalanx kill lift")
