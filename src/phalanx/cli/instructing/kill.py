"""`phalanx kill`: stop new risk at once, call back what works, get out; and lift that again."""

from dataclasses import dataclass
from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input import completion
from phalanx.cli.option_sets import Asking, Changing, expanded
from phalanx.cli.options import DataOption, NoteOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(
    help="Stop new risk; show or lift what stops it.",
    rich_markup_mode=None,
)

PATH = "/api/v1/kill"


@dataclass(frozen=True, kw_only=True)
class Whom:
    """Whose kill it is: one of these, or everybody's."""

    account: Annotated[
        str | None,
        typer.Option("--account", help="This account only.", autocompletion=completion.accounts),
    ] = None
    client: Annotated[
        int | None,
        typer.Option(
            "--client", min=1, max=2**53 - 1, help="All accounts of this client, by its number."
        ),
    ] = None
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            help="What this strategy buys, for anybody.",
            autocompletion=completion.strategies,
        ),
    ] = None
    broker: Annotated[str | None, typer.Option("--broker", help="All accounts at this broker.")] = (
        None
    )

    def scope(self) -> dict[str, str]:
        """``level`` and ``name``; empty for everybody. Raises Failure USAGE for several, and for an empty
        name, which is a mistake, most likely of a script, and never means everybody.
        """
        said = {
            "account": self.account,
            "client": None if self.client is None else str(self.client),
            "strategy": self.strategy,
            "broker": self.broker,
        }
        named = [(level, name) for level, name in said.items() if name is not None]
        if len(named) > 1:
            options = " and ".join(f"--{level}" for level, _ in named)
            raise Failure(Exit.USAGE, "EITHER_OR", f"{options}: a kill has one of them, or none")
        if named and not named[0][1]:
            raise Failure(Exit.USAGE, "EMPTY_TEXT", f"--{named[0][0]} names nobody")
        return {"level": named[0][0], "name": named[0][1]} if named else {}

    def __str__(self) -> str:
        """As a sentence names it."""
        scope = self.scope()
        return f"{scope['level']} {scope['name']}" if scope else "everybody"


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What a kill does, besides stopping new risk."""

    cancel: Annotated[
        bool | None,
        typer.Option(
            "--cancel/--no-cancel",
            help="Call back the entries that work or wait there. [default: no; with --direct: yes]",
        ),
    ] = None
    cancel_all: Annotated[
        bool, typer.Option("--cancel-all", help="The same, and exits under way as well.")
    ] = False
    flatten: Annotated[
        bool,
        typer.Option(
            "--flatten",
            help="And close today's positions, never the holdings. What works stays without --cancel.",
        ),
    ] = False
    no_block: Annotated[
        bool, typer.Option("--no-block", help="Cancel or flatten only: new orders may be sent.")
    ] = False

    def fields(self) -> dict[str, object]:
        """The fields of the request, as far as they differ from a plain kill. Raises Failure USAGE where
        nothing is left to do, and for exits that are to be cancelled and made at once.
        """
        if self.cancel_all and self.flatten:
            detail = (
                "--cancel-all calls exits back, --flatten needs them: say --cancel, or one of them"
            )
            raise Failure(Exit.USAGE, "EITHER_OR", detail)
        if self.no_block and not (self.cancel or self.cancel_all or self.flatten):
            detail = "--no-block leaves nothing to do: choose --cancel, --cancel-all or --flatten"
            raise Failure(Exit.USAGE, "NOTHING_CHOSEN", detail)
        said: dict[str, object] = {}
        if self.cancel_all:
            said["cancel"] = "all"
        elif self.cancel:
            said["cancel"] = True
        if self.flatten:
            said["flatten"] = True
        if self.no_block:
            said["block"] = False
        return said


@dataclass(frozen=True, kw_only=True)
class PastTheServer:
    """A kill without a server."""

    direct: Annotated[
        bool,
        typer.Option(
            "--direct", help="Past the server: also where it hangs, was stopped, or never ran."
        ),
    ] = False
    data: DataOption = None
    lift: Annotated[bool, typer.Option("--lift", hidden=True)] = False


@app.callback(invoke_without_command=True)
@expanded
def kill(
    context: typer.Context,
    *,
    whom: Whom,
    measures: Measures,
    past: PastTheServer,
    note: NoteOption = "",
    changing: Changing,
) -> None:
    """Stop everything that is not reduce-only, at once. Cancels and exits still pass.

    For everybody, or for one account, client, strategy or broker. With --direct it needs no server.
    """
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.listing import shown
    from phalanx.cli.instructing.kill_answers import is_partial, left_open, told, unblocked

    if past.direct or past.lift or past.data is not None:
        _kill_directly(whom, measures, past, note, changing)
        return
    body: dict[str, object] = {**whom.scope(), **measures.fields()}
    if note:
        body["note"] = note
    with changing.connect() as there:
        answer = there.change("PUT", PATH, key=changing.key, body=body)
    named = str(whom)
    first = unblocked(answer, named) if measures.no_block else f"new orders are stopped for {named}"
    shown(changing, answer, sentence="; ".join([first, *told(answer)]))
    screen = changing.screen()
    for line in () if screen.as_json else left_open(answer):
        screen.say(line)
    if is_partial(answer):
        raise typer.Exit(Exit.PARTIAL)


def _kill_directly(
    whom: Whom, measures: Measures, past: PastTheServer, note: str, changing: Changing
) -> None:
    """Raises Failure USAGE for what only a server can do."""
    from phalanx.cli.instructing.kill_direct import kill_directly

    if past.lift:
        detail = "a kill is lifted on purpose, at the server: phalanx kill lift"
        raise Failure(Exit.USAGE, "LIFTED_AT_THE_SERVER", detail)
    if not past.direct:
        raise Failure(Exit.USAGE, "USAGE", "--data belongs to --direct: a server knows its folder")
    alone = {
        "--flatten": measures.flatten,
        "--cancel-all": measures.cancel_all,
        "--no-block": measures.no_block,
        "--idempotency-key": changing.key is not None,
    }
    for option, given in alone.items():
        if given:
            raise Failure(Exit.USAGE, "USAGE", f"{option} needs a server, and --direct asks none")
    kill_directly(
        whom.scope(),
        past.data,
        cancel=measures.cancel is not False,
        note=note,
        screen=changing.screen(),
    )


@app.command("lift")
@expanded
def lift(*, whom: Whom, note: NoteOption = "", changing: Changing) -> None:
    """Lift a kill: new orders may be sent again. Where two persons are needed, ask for it."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.persons.asked import end_if_asked

    chosen = {**whom.scope(), "note": note or None}
    with changing.connect() as there:
        answer = there.change("DELETE", PATH, key=changing.key, parameters=chosen)
    end_if_asked(changing, answer)
    shown(changing, answer, sentence=f"the kill for {whom} is lifted")


@app.command("show")
@expanded
def show(*, asking: Asking) -> None:
    """List the kills that stand."""
    from phalanx.cli.display.listing import show_list
    from phalanx.cli.display.screen import Column, Kind

    columns = (
        Column("level", "level"),
        Column("name", "name"),
        Column("since", "time", Kind.TIME),
        Column("by", "actor"),
        Column("note", "note"),
    )
    with asking.connect() as there:
        show_list(there, asking.screen(), PATH, {}, columns, empty="no kill stands", arrange=_named)


def _named(row: dict[str, object]) -> dict[str, object]:
    return {**row, "name": row.get("name") or "everybody"}
