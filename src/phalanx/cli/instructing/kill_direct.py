"""`phalanx kill --direct`: raise the flag in a data folder. It needs no server and no journal."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from phalanx.cli.exit_codes import Exit, Failure

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen

NOTE_CHARACTERS_MAX = 500


def kill_directly(
    scope: Mapping[str, str], data: Path | None, *, cancel: bool, note: str, screen: "Screen"
) -> None:
    """Stop new risk in a scope, and say what happens when. Raises Failure FLAG_FULL, FLAG_BUSY, FLAG_LOST."""
    from phalanx import bootstrap
    from phalanx.brokers.kill_flag import KillFlagBusy, KillFlagFull
    from phalanx.domain.kills import KillLevel, KillScope

    if len(note) > NOTE_CHARACTERS_MAX:
        raise Failure(
            Exit.USAGE, "TEXT_TOO_LONG", f"--note has at most {NOTE_CHARACTERS_MAX} characters"
        )
    # A folder that was named is not looked up: no broken settings file may stand in the way.
    folder = _configured() if data is None else data
    is_new = not (folder / "journal").exists()
    whom = KillScope(KillLevel(scope.get("level", KillLevel.ALL)), scope.get("name", ""))
    try:
        bootstrap.order_direct_kill(folder, whom, cancel=cancel, note=note)
    except KillFlagFull:
        detail = f"{folder}: so many kills wait there that none fits in; kill everybody instead"
        raise Failure(Exit.FAILURE, "FLAG_FULL", detail) from None
    except KillFlagBusy:
        detail = f"{folder}: another phalanx kill --direct has been writing for seconds: try again"
        raise Failure(Exit.FAILURE, "FLAG_BUSY", detail) from None
    except OSError as error:
        raise Failure(Exit.FAILURE, "FLAG_LOST", f"{folder}: not killed: {error}") from None
    if screen.as_json:
        document = {"raised": True, "data": str(folder), "level": whom.level.value}
        screen.document({**document, "name": whom.name or None, "cancel": cancel, "note": note})
        return
    _tell(screen, folder, str(whom), cancel=cancel, is_new=is_new)


def _configured() -> Path:
    from phalanx.cli.process_settings import load_settings

    return load_settings().data


def _tell(screen: "Screen", folder: Path, whom: str, *, cancel: bool, is_new: bool) -> None:
    screen.say(f"new orders are stopped for {whom}, past the server of {folder}")
    screen.say(
        "a server that runs there sends none from now on, one that hangs none when it comes back, "
        "one that is stopped none when it starts"
    )
    if cancel:
        screen.say(
            "what works there is canceled by that server, as soon as it is back: nothing is "
            "canceled at a broker without it"
        )
    screen.say("lift it at the server: phalanx kill lift")
    if is_new:
        screen.note(f"no server has run in {folder} yet: is it the right folder?")
