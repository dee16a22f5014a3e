"""`phalanx hooks`: sources of inbound webhooks."""

from pathlib import Path
from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.option_sets import Asking, Changing, expanded
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(
    help="List webhook sources; put, try or remove one, or draw its secret.", rich_markup_mode=None
)

PATH = "/api/v1/hooks"
FILE_BYTES_MAX = 128 * 1024
SourceArgument = Annotated[str, typer.Argument(help="The source's name.")]


@app.callback(invoke_without_command=True)
@expanded
def hooks(context: typer.Context, *, asking: Asking) -> None:
    """List the sources of webhooks, or do something with one of them."""
    if is_for_subcommand(context):
        return
    _show_all(asking)


@app.command("list")
@expanded
def list_(*, asking: Asking) -> None:
    """List them."""
    _show_all(asking)


@app.command("put")
@expanded
def put(
    name: SourceArgument,
    file: Annotated[
        Path,
        typer.Argument(help="JSON: mode, verification, template; - reads the standard input."),
    ],
    *,
    changing: Changing,
) -> None:
    """Make a source, or change it as a whole, at once; its secrets stay."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.files import read_bounded
    from phalanx.cli.input.names import at

    content = read_bounded(file, FILE_BYTES_MAX)
    with changing.connect() as there:
        answer = there.change("PUT", at(PATH, name), key=changing.key, content=content)
    shown(changing, answer, sentence=f"webhook source {name} is set")


@app.command("remove")
@expanded
def remove(name: SourceArgument, *, changing: Changing) -> None:
    """Remove a source and its secrets, at once."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with changing.connect() as there:
        answer = there.change("DELETE", at(PATH, name), key=changing.key)
    shown(changing, answer, sentence=f"webhook source {name} is removed")


@app.command("secret")
@expanded
def secret(
    name: SourceArgument,
    *,
    end: Annotated[
        int | None,
        typer.Option("--end", min=1, max=2, help="End the secret in this place instead."),
    ] = None,
    asking: Asking,
) -> None:
    """Draw a new secret, which is shown this once; or end one."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with asking.connect() as there:
        if end is not None:
            answer = there.change("DELETE", at(PATH, name, "secret", str(end)))
            shown(asking, answer, sentence=f"secret {end} of {name} is ended")
            return
        shown(asking, there.change("POST", at(PATH, name, "secret")))


@app.command("try")
@expanded
def try_(
    name: SourceArgument,
    file: Annotated[Path, typer.Argument(help="A sample alert; - reads the standard input.")],
    *,
    asking: Asking,
) -> None:
    """Show what an alert would become; nothing is fired."""
    from phalanx.cli.input.files import read_bounded
    from phalanx.cli.input.names import at
    from phalanx.cli.remote.documents import decode

    with asking.connect() as there:
        answer = there.ask(
            at(PATH, name, "try"), body={"body": _sample(read_bounded(file, FILE_BYTES_MAX))}
        )
    asking.screen().document(decode(answer))


def _sample(content: bytes) -> object:
    """JSON as its object, with its numbers as they stand; anything else as a text."""
    import msgspec

    if content.lstrip()[:1] == b"{":
        try:
            msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Failure(Exit.FAILURE, "MALFORMED_JSON", str(error)) from None
        return msgspec.Raw(content)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Failure(Exit.FAILURE, "NOT_UTF8", "the sample is not UTF-8") from None


def _show_all(asking: Asking) -> None:
    from phalanx.cli.display.listing import show_list
    from phalanx.cli.display.screen import Column, Kind

    columns = (
        Column("source", "name"),
        Column("mode", "mode"),
        Column("verification", "verification"),
        Column("secrets", "good", Kind.NUMBER),
        Column("accepted", "accepted", Kind.NUMBER),
        Column("refused", "refused", Kind.NUMBER),
        Column("last accepted", "last_accepted", Kind.TIME),
        Column("last refusal", "last_refusal"),
        Column("note", "note", Kind.WORDS),
    )
    with asking.connect() as there:
        show_list(
            there, asking.screen(), PATH, {}, columns, empty="no webhook sources", arrange=_flat
        )


def _flat(row: dict[str, object]) -> dict[str, object]:
    counts, good = row.get("counts"), row.get("secrets")
    found = {**row, **counts} if isinstance(counts, dict) else dict(row)
    found["good"] = len(good) if isinstance(good, list) else 0
    return found if row.get("enabled") else {**found, "mode": "off"}
