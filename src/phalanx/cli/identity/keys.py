"""`phalanx keys`: what lets programs in."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input import completion
from phalanx.cli.option_sets import Asking, Paged, expanded

app = typer.Typer(help="List machine keys; make or revoke one.", rich_markup_mode=None)

PATH = "/api/v1/keys"
LOOK = "phalanx keys list"


class Scope(StrEnum):
    """What a machine key may be given."""

    READ = "read"
    TRADE = "trade"
    STOP = "stop"
    MANAGE = "manage"
    METRICS = "metrics"


@dataclass(frozen=True, kw_only=True)
class FenceOptions:
    """What a key may touch; nothing said: whatever its scopes allow."""

    strategies: Annotated[
        list[str] | None,
        typer.Option(
            "--strategy",
            help="Only this strategy; may be repeated.",
            autocompletion=completion.strategies,
        ),
    ] = None
    instruments: Annotated[
        list[str] | None,
        typer.Option("--instrument", help="Only this instrument; may be repeated."),
    ] = None
    accounts: Annotated[
        list[str] | None,
        typer.Option(
            "--account",
            help="Only this account; may be repeated.",
            autocompletion=completion.accounts,
        ),
    ] = None

    def said(self) -> dict[str, object]:
        """The fields of a request that fence the key in."""
        lists = {
            "strategies": self.strategies,
            "instruments": self.instruments,
            "accounts": self.accounts,
        }
        return {field: names for field, names in lists.items() if names}


@app.command("list")
@expanded
def listed(*, paged: Paged) -> None:
    """List the machine keys, also those that are over."""
    from phalanx.cli.display.columns import KEYS
    from phalanx.cli.display.listing import listed as show

    show(paged, PATH, KEYS, empty="no machine keys", arrange=_fenced)


@app.command("create")
@expanded
def create(
    name: Annotated[str, typer.Argument(help="What it is called; the journal says key:NAME.")],
    *,
    scopes: Annotated[
        list[Scope],
        typer.Option("--scope", help="May do this; may be repeated.", case_sensitive=False),
    ],
    days: Annotated[int, typer.Option("--days", min=1, max=732, help="Is valid so long.")] = 90,
    fence: FenceOptions,
    asking: Asking,
) -> None:
    """Make a machine key, at once; its token is shown once, alone on its line."""
    from phalanx.cli.remote.documents import decode

    body: dict[str, object] = {
        "name": name,
        "scopes": [scope.value for scope in scopes],
        "expires_days": days,
        **fence.said(),
    }
    with asking.connect() as there:
        document = decode(there.once("POST", PATH, body=body, look=LOOK))
    screen = asking.screen()
    if screen.as_json:
        screen.document(document)
        return
    token = document.get("token") if isinstance(document, dict) else None
    if not isinstance(token, str):
        raise Failure(Exit.FAILURE, "BAD_ANSWER", f"the server gave no token; see {LOOK}")
    screen.note(
        f"key {name}, shown this once; export PHALANX_TOKEN=…, or: phalanx login --key-stdin"
    )
    screen.say(token)


@app.command("revoke")
@expanded
def revoke(
    key: Annotated[str, typer.Argument(help="The key's id.", autocompletion=completion.keys)],
    *,
    asking: Asking,
) -> None:
    """End a machine key, at once and for ever. What it left waiting is told, and goes on."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.identity.left_waiting import tell_left_waiting
    from phalanx.cli.input.names import at

    with asking.connect() as there:
        answer = there.once("DELETE", at(PATH, key), look=LOOK)
    shown(asking, answer, sentence=f"key {key} is revoked")
    tell_left_waiting(asking.screen(), answer)


def _fenced(row: dict[str, object]) -> dict[str, object]:
    """A row with its fence as words."""
    words: list[str] = []
    for field in ("strategies", "instruments", "accounts"):
        names = row.get(field)
        words += map(str, names) if isinstance(names, list) else ()
    return {**row, "fence": words}
