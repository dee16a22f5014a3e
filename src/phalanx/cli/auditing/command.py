"""`phalanx audit`: who did what from where, and that nobody changed it afterwards."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from phalanx.cli.exit_codes import Exit
from phalanx.cli.option_sets import Listing, expanded
from phalanx.cli.options import FolderArgument, JsonOption, LimitOption

app = typer.Typer(
    help="List who did what from where; check a journal for it, or export it.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

PATH = "/api/v1/audit"
SinceOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--since", help="Only from this time on, such as 2026-11-20T09:15."),
]
UntilOption: TypeAlias = Annotated[
    str | None, typer.Option("--until", help="Only up to this time, which is included.")
]


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which acts."""

    actor: Annotated[str | None, typer.Option("--actor", help="Only of this actor.")] = None
    act: Annotated[
        str | None, typer.Option("--act", help="Only this act, such as login_failed.")
    ] = None
    door: Annotated[
        str | None, typer.Option("--door", help="Only through this door, such as kill.")
    ] = None
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only about this: a user, an instruction.")
    ] = None
    since: SinceOption = None
    until: UntilOption = None
    before: Annotated[
        int | None, typer.Option("--before", min=1, help="Only events below this seq.")
    ] = None

    def chosen(self) -> dict[str, str | int | None]:
        """As the server is asked. Raises Failure BAD_MOMENT."""
        from phalanx.cli.input.moments import instant_of
        from phalanx.domain.settings import RiskSettings
        from phalanx.domain.time import iso

        def at(text: str | None, option: str) -> str | None:
            if text is None:
                return None
            return iso(instant_of(text, option), RiskSettings().zone_offset_s)

        return {
            "actor": self.actor,
            "act": self.act,
            "door": self.door,
            "subject": self.subject,
            "since": at(self.since, "--since"),
            "until": at(self.until, "--until"),
            "before": self.before,
        }


@app.command("list")
@expanded
def list_(*, which: Which, limit: LimitOption = 100, listing: Listing) -> None:
    """List acts of people and machines, the latest first."""
    from phalanx.cli.display.columns import AUDIT
    from phalanx.cli.display.listing import listed

    parameters = {**which.chosen(), "limit": limit}
    further = "--limit and --before show others"
    listed(listing, PATH, AUDIT, empty="no acts", parameters=parameters, further=further)


@app.command("verify")
def verify(
    data: FolderArgument = None,
    *,
    root: Annotated[
        Path | None,
        typer.Option("--root", help="An earlier export, or its root: must still be contained."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="The key that the root is signed with, or its public part."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a data folder's whole journal, and what was exported of it.

    Writes nothing; a server may be at work in the folder.
    """
    from phalanx.cli.auditing.verification import audited_folder
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.process_settings import load_settings

    found = audited_folder(load_settings(data=data).data, root, key)
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document(found.document())
    else:
        for line in found.lines():
            screen.say(line)
    if not found.ok:
        raise typer.Exit(Exit.FAILURE)


@app.command("export")
def export(
    data: FolderArgument = None,
    *,
    out: Annotated[Path, typer.Option("--out", help="Write to this file.")],
    as_csv: Annotated[
        bool, typer.Option("--csv", help="CSV; its root is in a file beside it, FILE.root.")
    ] = False,
    since: SinceOption = None,
    until: UntilOption = None,
    sign_key: Annotated[
        Path | None,
        typer.Option(
            "--sign-key",
            help="Sign the root: a private Ed25519 key (PEM), or a secret of 32 bytes and more.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write who did what, from the journal itself, with its root.

    Reads only the folder; a server may be at work in it. Keep the file where the folder's owner
    cannot reach it: only then does it prove anything.
    """
    import time

    from phalanx.cli.auditing.export import Period
    from phalanx.cli.auditing.export import export as write
    from phalanx.cli.display.screen import Screen
    from phalanx.cli.input.moments import LAST_OF_MICROSECOND, instant_of
    from phalanx.cli.process_settings import load_settings

    period = Period(
        None if since is None else instant_of(since, "--since"),
        None if until is None else instant_of(until, "--until") + LAST_OF_MICROSECOND,
    )
    folder = load_settings(data=data).data
    said = write(folder, out, period, time.time_ns(), as_csv=as_csv, key=sign_key)
    screen = Screen(as_json=as_json)
    if as_json:
        screen.document(said)
        return
    root = said.root
    screen.say(f"{out}: {root.acts} acts, up to record {root.record} with event {root.seq}")
    screen.say(f"root     {root.chain}")
    how = "no: say --sign-key" if said.signature is None else f"with {said.signature.method}"
    screen.say(f"signed   {how}")
