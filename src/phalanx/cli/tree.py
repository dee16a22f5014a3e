"""The tree of commands, and how any of them ends."""

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from phalanx import __version__
from phalanx.cli import serve
from phalanx.cli.auditing import command as audit
from phalanx.cli.books import open_buys, order_log, orders, positions, trades
from phalanx.cli.checking import doctor, simulate
from phalanx.cli.day import command as day
from phalanx.cli.demo import command as demo
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.identity import connections, keys, login, oneself, sessions, users
from phalanx.cli.instructing import batch, instructions, kill, signal
from phalanx.cli.instructing import exit as leaving
from phalanx.cli.journal import replay, verify
from phalanx.cli.options import CaOption, ConnectionOption, InsecureOption
from phalanx.cli.persons import changes
from phalanx.cli.producing import command as produce
from phalanx.cli.profiles import command as profiles
from phalanx.cli.reconciling import breaks, reconcile
from phalanx.cli.reference import (
    accounts,
    alerts,
    clients,
    credentials,
    groups,
    hooks,
    instruments,
    limits,
    lists,
    raw_details,
    settings,
    strategies,
)
from phalanx.cli.watching import command as watch

COMMANDS = (
    *("demo", "serve", "watch", "produce", "signal", "lists", "batch", "exit", "instructions"),
    *("orders", "order-log", "positions", "open-buys", "trades", "kill", "changes", "day"),
    *("reconcile",),
    *("breaks", "alerts", "clients", "accounts", "groups", "strategies", "limits", "settings"),
    *("login", "logout", "connections", "whoami", "password", "totp", "sessions", "users", "keys"),
    *(
        "credentials",
        "hooks",
        "profiles",
        "raw-details",
        "instruments",
        "audit",
        "verify",
        "replay",
    ),
    *("doctor", "simulate"),
)


class Root(TyperGroup):
    """The outermost command: turns every failure into its words on stderr and its exit code."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - not a public type
        """In the order in which one comes to need them."""
        return list(COMMANDS)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002 - we always stand alone
        windows_expand_args: bool = True,
        **extra: Any,  # noqa: ANN401 - as the class it overrides
    ) -> NoReturn:
        """Run and exit, as a console script does."""
        words = sys.argv[1:] if args is None else list(args)
        try:
            code = super().main(
                words, prog_name or "phalanx", complete_var, False, windows_expand_args, **extra
            )
        except Failure as failure:
            _show(failure, words)
            code = failure.exit_code
        except TyperException as error:
            _show_usage(error, words)
            code = error.exit_code
        sys.exit(int(code or 0))


def _show_usage(error: TyperException, words: Sequence[str]) -> None:
    if "--json" in words and error.exit_code == Exit.USAGE:
        _show(Failure(Exit.USAGE, "USAGE", error.format_message()), words)
    else:
        # How an error of the command line looks is Typer's business.
        error.show()  # type: ignore[attr-defined]


def _show(failure: Failure, words: Sequence[str]) -> None:
    from phalanx.cli.display.screen import Screen

    Screen(as_json="--json" in words).failure(failure)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"phalanx {__version__}")
        raise typer.Exit


# Plain help: drawing it would take longer than all else that `--help` does.
app = typer.Typer(
    cls=Root,
    name="phalanx",
    help="A multi-client order management system: one instruction, every account, in step.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Exit codes: 0 ok, 1 failure, 2 usage, 3 partial, 4 not allowed, 5 refused by risk, "
        "6 outcome unknown, 7 server unreachable."
    ),
)


@app.callback()
def root(
    *,
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and exit."
    ),
    connection: ConnectionOption = None,
    ca: CaOption = None,
    insecure: InsecureOption = False,
) -> None:
    """A multi-client order management system: one instruction, every account, in step."""


app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("watch")(watch.watch)
app.command("produce")(produce.produce)
app.command("signal")(signal.signal)
app.add_typer(lists.app, name="lists")
app.command("batch")(batch.batch)
app.command("exit")(leaving.exit_)
app.add_typer(instructions.app, name="instructions")
app.add_typer(orders.app, name="orders")
app.command("order-log")(order_log.order_log)
app.add_typer(positions.app, name="positions")
app.command("open-buys")(open_buys.open_buys)
app.add_typer(trades.app, name="trades")
app.add_typer(kill.app, name="kill")
app.add_typer(changes.app, name="changes")
app.add_typer(day.app, name="day")
app.command("reconcile")(reconcile.reconcile)
app.add_typer(breaks.app, name="breaks")
app.add_typer(alerts.app, name="alerts")
app.add_typer(clients.app, name="clients")
app.add_typer(accounts.app, name="accounts")
app.add_typer(groups.app, name="groups")
app.add_typer(strategies.app, name="strategies")
app.add_typer(limits.app, name="limits")
app.add_typer(settings.app, name="settings")
app.add_typer(credentials.app, name="credentials")
app.command("login")(login.login)
app.command("logout")(login.logout)
app.add_typer(connections.app, name="connections")
app.command("whoami")(oneself.whoami)
app.command("password")(oneself.password)
app.add_typer(oneself.totp, name="totp")
app.add_typer(sessions.app, name="sessions")
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")
app.add_typer(hooks.app, name="hooks")
app.add_typer(profiles.app, name="profiles")
app.add_typer(raw_details.app, name="raw-details")
app.add_typer(instruments.app, name="instruments")
app.add_typer(audit.app, name="audit")
app.command("verify")(verify.verify)
app.command("replay")(replay.replay)
app.command("doctor")(doctor.doctor)
app.add_typer(simulate.app, name="simulate")
