"""`phalanx accounts`: what an account is, where it is traded, and how paper treats its orders."""

from dataclasses import dataclass
from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input import completion
from phalanx.cli.option_sets import Asking, Changing, Paged, expanded
from phalanx.cli.options import Mode, NoteOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(
    help="List accounts; show or add one, change how it is treated.", rich_markup_mode=None
)

PATH = "/api/v1/accounts"
ARMED = "/api/v1/armed"
AccountArgument = Annotated[
    str, typer.Argument(help="The account's id.", autocompletion=completion.accounts)
]
AccountsArgument = Annotated[
    list[str] | None,
    typer.Argument(help="The accounts' ids.", autocompletion=completion.accounts),
]


@dataclass(frozen=True, kw_only=True)
class PaperFills:
    """How the paper broker treats the account's orders."""

    ack_delay_ms: Annotated[
        int | None, typer.Option("--ack-delay-ms", min=0, help="Until an order is acknowledged.")
    ] = None
    fill_duration_ms: Annotated[
        int | None, typer.Option("--fill-duration-ms", min=0, help="From there to the last fill.")
    ] = None
    filled_bps: Annotated[
        int | None,
        typer.Option("--filled-bps", min=0, max=10_000, help="How much of it is filled."),
    ] = None
    slices: Annotated[
        int | None, typer.Option("--slices", min=1, help="In so many equal parts.")
    ] = None
    slippage_bps: Annotated[
        int | None,
        typer.Option("--slippage-bps", min=0, max=10_000, help="Worse than the last price."),
    ] = None
    reject_bps: Annotated[
        int | None, typer.Option("--reject-bps", min=0, max=10_000, help="So many are rejected.")
    ] = None
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="What its chances are drawn from.")
    ] = None
    lost_ack_bps: Annotated[
        int | None,
        typer.Option(
            "--lost-ack-bps", min=0, max=10_000, help="So many requests get no answer, and count."
        ),
    ] = None
    duplicate_report_bps: Annotated[
        int | None,
        typer.Option(
            "--duplicate-report-bps", min=0, max=10_000, help="Of so many, reports come twice."
        ),
    ] = None
    dropped_socket_bps: Annotated[
        int | None,
        typer.Option(
            "--dropped-socket-bps", min=0, max=10_000, help="So often is its session cut."
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many requests its broker gets."""

    count: Annotated[
        int | None, typer.Option("--rate", min=0, help="Requests per window; 0: no limit.")
    ] = None
    window_ms: Annotated[
        int | None, typer.Option("--rate-window-ms", min=1, help="How long a window is.")
    ] = None
    reserved: Annotated[
        int | None,
        typer.Option("--rate-reserved", min=0, help="Of them only for cancels and exits."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where it is traded."""

    broker: Annotated[
        str | None,
        typer.Option("--broker", help="Trade it there, once none of its orders works any more."),
    ] = None
    login: Annotated[
        str | None, typer.Option("--login", help="Through this login. [default: as the broker]")
    ] = None


@dataclass(frozen=True, kw_only=True)
class LivePlace:
    """Where it trades once it is live."""

    live_broker: Annotated[
        str | None, typer.Option("--live-broker", help="Where it trades once it is live.")
    ] = None
    live_login: Annotated[
        str | None,
        typer.Option("--live-login", help="Through this login. [default: as the broker]"),
    ] = None
    client_code: Annotated[
        str | None,
        typer.Option("--client-code", help="What that broker calls it, where a login serves many."),
    ] = None


@app.callback(invoke_without_command=True)
@expanded
def accounts(context: typer.Context, *, paged: Paged) -> None:
    """List the accounts with their cash, or do something with one of them."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.columns import ACCOUNTS
    from phalanx.cli.display.listing import listed

    listed(paged, PATH, ACCOUNTS, empty="no accounts", arrange=_with_books)


@app.command("show")
@expanded
def show(account: AccountArgument, *, asking: Asking) -> None:
    """Show an account with its fill profile and its rate limit."""
    from phalanx.cli.input.names import at

    with asking.connect() as there:
        _show_terms(asking, there.read(at(PATH, account)))


@app.command("add")
@expanded
def add(
    client: Annotated[int, typer.Argument(min=1, help="The client's number.")],
    broker: Annotated[str, typer.Argument(help="Where it is traded, such as paper.")],
    *,
    account: Annotated[
        str | None,
        typer.Option("--account", help="Its id there and here. [default: broker and client]"),
    ] = None,
    login: Annotated[
        str | None, typer.Option("--login", help="Through this login. [default: as the broker]")
    ] = None,
    mode: Annotated[
        Mode, typer.Option("--mode", help="Which book it begins with.", case_sensitive=False)
    ] = Mode.PAPER,
    client_code: Annotated[
        str | None,
        typer.Option("--client-code", help="Begins live: what the broker calls it there."),
    ] = None,
    cash: Annotated[str, typer.Option("--cash", help="What that book begins with.")] = "0",
    changing: Changing,
) -> None:
    """Open another account for a client, at any broker that the server is connected to, at once."""
    from phalanx.cli.input.numbers import typed_amount

    body: dict[str, object] = {"client": client, "broker": broker, "mode": Mode(mode).value}
    said = {"account": account, "login": login, "client_code": client_code}
    said["cash"] = typed_amount(cash, "--cash")
    body |= {field: value for field, value in said.items() if value is not None}
    with changing.connect() as there:
        answer = there.change("POST", PATH, key=changing.key, body=body)
    _show_terms(changing, answer)


@app.command("set")
@expanded
def change(
    account: AccountArgument,
    *,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="It takes instructions, or not.")
    ] = None,
    place: Place,
    live: LivePlace,
    charge_bps: Annotated[
        int | None,
        typer.Option("--charge-bps", min=0, max=10_000, help="What a trade costs, of its value."),
    ] = None,
    reserve: Annotated[
        str | None, typer.Option("--reserve", help="Cash that no order uses.")
    ] = None,
    fills: PaperFills,
    rate: Rate,
    changing: Changing,
) -> None:
    """Change how an account is treated, at once; what is not said stays as it is."""
    from phalanx.cli.input.names import at
    from phalanx.cli.input.numbers import typed_amount

    chosen: dict[str, object] = {
        "broker": place.broker,
        "login": place.login,
        "live": _live_place(live),
        "enabled": enabled,
        "charge_bps": charge_bps,
        "reserve": None if reserve is None else typed_amount(reserve, "--reserve"),
        "fill_profile": _said(fills) or None,
        "rate_limit": _said(rate) or None,
    }
    changes = {field: value for field, value in chosen.items() if value is not None}
    if not changes:
        raise Failure(Exit.USAGE, "NOTHING_TO_CHANGE", "say what to change; --help lists it")
    with changing.connect() as there:
        answer = there.change("PATCH", at(PATH, account), key=changing.key, body=changes)
    _show_terms(changing, answer)


@app.command("mode")
@expanded
def switch_mode(
    account: AccountArgument,
    mode: Annotated[Mode, typer.Argument(help="Which book it trades.", case_sensitive=False)],
    *,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Going live: it is real from then on.")
    ] = False,
    changing: Changing,
) -> None:
    """Switch an account to live (with --confirm), or to paper, at once."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at
    from phalanx.cli.remote.documents import decode

    wanted = Mode(mode)
    with changing.connect() as there:
        if wanted is Mode.LIVE and not confirm:
            answer = there.read(at(PATH, account))
            place = _fields(_fields(decode(answer)).get("live"))
            where = f"at {place['broker']} through {place['login']}" if place else "nowhere yet"
            sentence = f"Nothing was changed. {account} would trade for real, {where}; say so with --confirm"
        else:
            body = {"mode": wanted.value}
            if wanted is Mode.LIVE:
                body["confirm"] = account
            answer = there.change("PUT", at(PATH, account, "mode"), key=changing.key, body=body)
            now = _fields(decode(answer))
            where = f"at {now.get('broker')} through {now.get('login')}"
            sentence = f"{account} is {now.get('mode')} now, {where}"
    shown(changing, answer, sentence=sentence)


@app.command("arm")
@expanded
def arm(
    accounts: AccountsArgument = None,
    *,
    client: Annotated[
        list[int] | None, typer.Option("--client", min=1, help="All of this client's; repeat it.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", help="All of this group.", autocompletion=completion.groups),
    ] = None,
    note: NoteOption = "",
    changing: Changing,
) -> None:
    """Let live accounts take new risk until the trading day ends, all or none, at once."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.remote.documents import decode

    said = {"accounts": accounts, "clients": client, "groups": group}
    body: dict[str, object] = {field: value for field, value in said.items() if value}
    if not body:
        raise Failure(Exit.USAGE, "NOBODY_CHOSEN", "say which accounts, --client or --group")
    if note:
        body["note"] = note
    with changing.connect() as there:
        answer = there.change("PUT", ARMED, key=changing.key, body=body)
    armed = _fields(decode(answer))
    count, until = len(_names(armed)), armed.get("armed_until")
    shown(changing, answer, sentence=f"{count} accounts are armed until {until}")


@app.command("disarm")
@expanded
def disarm(
    accounts: AccountsArgument = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every account.")] = False,
    changing: Changing,
) -> None:
    """No new risk in these live accounts, at once; what works goes on."""
    import msgspec

    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at
    from phalanx.cli.remote.client import chosen_key
    from phalanx.cli.remote.documents import decode

    if bool(accounts) is all_of_them:
        raise Failure(Exit.USAGE, "NOBODY_CHOSEN", "say which accounts, or --all")
    paths = [at(PATH, one, "armed") for one in accounts or ()] or [ARMED]
    key = chosen_key(changing.key)
    gone: list[object] = []
    with changing.connect() as there:
        for place, path in enumerate(paths):
            own_key = key if not place else f"{key[:100]}-{place}"
            gone += _names(_fields(decode(there.change("DELETE", path, key=own_key))))
    answer = msgspec.json.encode({"accounts": gone})
    shown(changing, answer, sentence=f"{len(gone)} accounts were armed and are no more")


def _names(document: dict[str, object]) -> list[object]:
    found = document.get("accounts")
    return found if isinstance(found, list) else []


def _fields(document: object) -> dict[str, object]:
    return document if isinstance(document, dict) else {}


def _live_place(said: LivePlace) -> dict[str, str] | None:
    broker = said.live_broker
    if broker is None:
        if said.live_login is not None or said.client_code is not None:
            raise Failure(Exit.USAGE, "MISSING_FIELD", "say the --live-broker as well")
        return None
    place = {"broker": broker, "login": said.live_login or broker}
    return place if said.client_code is None else {**place, "client_code": said.client_code}


def _with_books(row: dict[str, object]) -> dict[str, object]:
    """How its book was read last, in one word."""
    reading = row.get("reconciliation")
    return {**row, "books": reading.get("status") if isinstance(reading, dict) else None}


def _said(options: PaperFills | Rate) -> dict[str, int]:
    return {name: value for name, value in vars(options).items() if value is not None}


def _show_terms(asking: Asking, answer: bytes) -> None:
    """The account's fields, with those of its fill profile and rate limit among them."""
    from phalanx.cli.remote.documents import decode

    screen = asking.screen()
    terms = decode(answer)
    if screen.as_json or not isinstance(terms, dict):
        screen.document(terms)
        return
    flat: dict[str, object] = {}
    for name, value in terms.items():
        flat |= (
            {f"{name}: {inner}": v for inner, v in value.items()}
            if isinstance(value, dict)
            else {name: value}
        )
    screen.fields(flat)
