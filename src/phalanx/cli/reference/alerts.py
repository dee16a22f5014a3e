"""`phalanx alerts`: what was told, and who is told what through which channels."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.option_sets import Asking, Changing, expanded
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(
    help="List what was told; put or remove rules and channels, test one.", rich_markup_mode=None
)

PATH = "/api/v1/alerts"
RULES = f"{PATH}/rules"
CHANNELS = f"{PATH}/channels"
RuleArgument: TypeAlias = Annotated[str, typer.Argument(help="The rule's name.")]
SECONDS_MAX = 86_400
ChannelArgument: TypeAlias = Annotated[str, typer.Argument(help="The channel's name.")]


class What(StrEnum):
    """What may be told; as the server has it."""

    REJECT_STORM = "reject_storm"
    IN_DOUBT = "in_doubt"
    BREAK = "break"
    BREAK_OVERDUE = "break_overdue"
    UNFILLED_EXIT = "unfilled_exit"
    LIMIT_HIT = "limit_hit"
    DEAD_LOGIN = "dead_login"
    KILL = "kill"
    CHANGE_WAITING = "change_waiting"
    APPROVAL_WAITING = "approval_waiting"
    LOGIN_FAILED = "login_failed"
    LOSS = "loss"
    MARGIN_SHORT = "margin_short"
    API_USAGE = "api_usage"


@dataclass(frozen=True, kw_only=True)
class When:
    """Whose, how many, how often."""

    accounts: Annotated[
        list[str] | None, typer.Option("--account", help="Whose; repeat it. Default: all.")
    ] = None
    groups: Annotated[list[str] | None, typer.Option("--group", help="A group's; repeat it.")] = (
        None
    )
    threshold: Annotated[
        int, typer.Option("--threshold", help="So many, within the window.", min=1, max=10_000)
    ] = 1
    window: Annotated[
        int, typer.Option("--window", help="The window, in seconds.", min=1, max=SECONDS_MAX)
    ] = 60
    throttle: Annotated[
        int,
        typer.Option(
            "--throttle", help="One for each subject in so many seconds.", min=0, max=SECONDS_MAX
        ),
    ] = 300
    off: Annotated[bool, typer.Option("--off", help="Keep it, and tell nobody.")] = False


@app.callback(invoke_without_command=True)
@expanded
def alerts(context: typer.Context, *, asking: Asking) -> None:
    """List the last alerts, newest first, or change who is told what."""
    if not is_for_subcommand(context):
        _list_alerts(asking)


@app.command("list")
@expanded
def list_(*, asking: Asking) -> None:
    """List the last alerts since the server started, newest first."""
    _list_alerts(asking)


@app.command("rules")
@expanded
def rules(*, asking: Asking) -> None:
    """List the rules: what is told to whom."""
    from phalanx.cli.display.listing import listed
    from phalanx.cli.display.screen import Column, Kind

    columns = (
        Column("rule", "name"),
        Column("what", "what"),
        Column("channels", "channels", Kind.WORDS),
        Column("accounts", "accounts", Kind.WORDS),
        Column("groups", "groups", Kind.WORDS),
        Column("threshold", "threshold", Kind.NUMBER),
        Column("window s", "window_s", Kind.NUMBER),
        Column("throttle s", "throttle_s", Kind.NUMBER),
        Column("on", "enabled"),
        Column("note", "note"),
    )
    listed(asking, RULES, columns, empty="nobody is told anything: no rules")


@app.command("put-rule")
@expanded
def put_rule(
    name: RuleArgument,
    what: Annotated[What, typer.Argument(help="What is told.", case_sensitive=False)],
    channels: Annotated[list[str], typer.Argument(help="Channels, by name.")],
    *,
    when: When,
    changing: Changing,
) -> None:
    """Make a rule, or change all of it, at once."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    body = {
        "what": What(what).value,
        "channels": channels,
        "accounts": when.accounts or [],
        "groups": when.groups or [],
        "threshold": when.threshold,
        "window_s": when.window,
        "throttle_s": when.throttle,
        "enabled": not when.off,
    }
    with changing.connect() as there:
        answer = there.change("PUT", at(RULES, name), key=changing.key, body=body)
    shown(
        changing, answer, sentence=f"rule {name} is {'kept, and off' if when.off else 'in force'}"
    )


@app.command("remove-rule")
@expanded
def remove_rule(name: RuleArgument, *, changing: Changing) -> None:
    """Remove a rule, at once."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with changing.connect() as there:
        answer = there.change("DELETE", at(RULES, name), key=changing.key)
    shown(changing, answer, sentence=f"rule {name} is removed")


@app.command("channels")
@expanded
def channels(*, asking: Asking) -> None:
    """List the channels. Their addresses are sealed, and shown to nobody."""
    from phalanx.cli.display.listing import listed
    from phalanx.cli.display.screen import Column

    columns = (Column("channel", "name"), Column("service", "scheme"), Column("trouble", "trouble"))
    listed(asking, CHANNELS, columns, empty="no channels")


@app.command("put-channel")
@expanded
def put_channel(
    name: ChannelArgument,
    signed: Annotated[
        bool, typer.Option("--signed", help="Ask for a secret as well: a webhook of your own.")
    ] = False,
    *,
    changing: Changing,
) -> None:
    """Make a channel, or have it lead elsewhere, at once. Its address, and the secret that signs, are
    asked for, or are the first lines of the standard input: they hold tokens, and are no arguments.
    """
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    body = {"url": _hidden("address")} | ({"secret": _hidden("secret")} if signed else {})
    with changing.connect() as there:
        answer = there.change("PUT", at(CHANNELS, name), key=changing.key, body=body)
    shown(changing, answer, sentence=f"channel {name} is sealed; phalanx alerts test {name}")


@app.command("remove-channel")
@expanded
def remove_channel(name: ChannelArgument, *, changing: Changing) -> None:
    """Remove a channel, at once; what waits for it is dropped."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with changing.connect() as there:
        answer = there.change("DELETE", at(CHANNELS, name), key=changing.key)
    shown(changing, answer, sentence=f"channel {name} is removed")


@app.command("test")
@expanded
def test(name: ChannelArgument, *, changing: Changing) -> None:
    """Send a test to a channel, at once; what became of it is in the list of alerts."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with changing.connect() as there:
        answer = there.change("POST", at(CHANNELS, name, "test"), key=changing.key)
    shown(changing, answer, sentence=f"a test is on its way to {name}; phalanx alerts")


def _list_alerts(asking: Asking) -> None:
    from phalanx.cli.display.listing import listed
    from phalanx.cli.display.screen import Column, Kind

    columns = (
        Column("time", "at", Kind.TIME),
        Column("rule", "rule"),
        Column("alert", "text"),
        Column("channels", "deliveries", Kind.WORDS),
        Column("held back", "throttled", Kind.NUMBER),
    )
    listed(asking, PATH, columns, empty="nothing was told", arrange=_with_outcomes)


def _with_outcomes(row: dict[str, object]) -> dict[str, object]:
    found = row.get("deliveries")
    deliveries = found if isinstance(found, list) else []
    return {**row, "deliveries": [_outcome(one) for one in deliveries]}


def _outcome(delivery: object) -> object:
    if not isinstance(delivery, dict):
        return delivery
    why = f" ({delivery.get('why')})" if delivery.get("why") else ""
    return f"{delivery.get('channel')} {delivery.get('status')}{why}"


def _hidden(what: str) -> str:
    """A line that nobody sees typed. Raises Failure USAGE for an empty one."""
    if sys.stdin.isatty():
        from getpass import getpass

        said = getpass(f"{what} (not shown): ")
    else:
        said = sys.stdin.readline()
    if not said.strip():
        raise Failure(Exit.USAGE, "USAGE", f"the {what} is empty")
    return said.strip()
