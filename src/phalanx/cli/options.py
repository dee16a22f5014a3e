"""The options that many commands share, with their defaults."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from phalanx.cli.input import completion
from phalanx.cli.remote import way
from phalanx.cli.remote.address import DEFAULT_SERVER

DEFAULT_TIMEOUT_S = 30.0
IMPORT_TIMEOUT_S = 120.0

ServerOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="PHALANX_SERVER",
        help=f"Address of the server. [default: {DEFAULT_SERVER}]",
    ),
]
ConnectionOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--connection",
        envvar="PHALANX_CONNECTION",
        help="As whom: the name of a connection. [default: the default one]",
        autocompletion=completion.connections,
        callback=way.connection,
    ),
]
CaOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        envvar="PHALANX_CA",
        help="Certificates to trust at a server over https, instead of the system's.",
        callback=way.ca,
    ),
]
InsecureOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--insecure",
        envvar="PHALANX_INSECURE",
        help="Speak plain http also to another machine, where anybody on the way can read it.",
        callback=way.insecure,
    ),
]
TimeoutOption: TypeAlias = Annotated[
    float,
    typer.Option(
        "--timeout", min=0.05, max=3600, help="Seconds to wait for an answer.", show_default=True
    ),
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="One JSON document (JSON lines for a stream).")
]
KeyOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        help="Repeat the request that was sent with this key; it is never carried out twice.",
    ),
]
NoteOption: TypeAlias = Annotated[str, typer.Option("--note", help="A word for the record.")]
LimitOption: TypeAlias = Annotated[
    int, typer.Option("--limit", min=1, max=1_000, help="At most so many rows.")
]
LIMIT_MAX = 10_000
LongLimitOption: TypeAlias = Annotated[
    int, typer.Option("--limit", min=1, max=LIMIT_MAX, help="At most so many rows.")
]
SkipOption: TypeAlias = Annotated[
    int, typer.Option("--skip", min=0, max=1_000_000_000, help="Pass over so many rows.")
]
CsvOption: TypeAlias = Annotated[
    bool, typer.Option("--csv", help="CSV, as the server writes it, instead of a table.")
]
OutOption: TypeAlias = Annotated[
    Path | None, typer.Option("--out", help="Write to this file instead of the standard output.")
]
AccountOption: TypeAlias = Annotated[
    str | None, typer.Option("--account", help="Only this account.")
]
ClientOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--client", min=1, max=2**53 - 1, help="Only this client, by its number."),
]
InstrumentOption: TypeAlias = Annotated[
    str | None, typer.Option("--instrument", help="Only this instrument: name, 2885 or NSE:2885.")
]
StrategyOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--strategy", help="Only this strategy.", autocompletion=completion.strategies),
]
DataOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--data", help="The data folder. [default: ./phalanx-data]"),
]
FolderArgument: TypeAlias = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DATA]", help="The data folder. [default: ./phalanx-data]", file_okay=False
    ),
]


class Side(StrEnum):
    """Which way."""

    BUY = "BUY"
    SELL = "SELL"


class Product(StrEnum):
    """How a broker carries what is bought."""

    DELIVERY = "DELIVERY"
    INTRADAY = "INTRADAY"
    MTF = "MTF"


class OrderType(StrEnum):
    """What an order is on the wire."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"


class TimeInForce(StrEnum):
    """How long an order may rest."""

    DAY = "DAY"
    IOC = "IOC"


class Mode(StrEnum):
    """Which book an instruction goes to."""

    PAPER = "paper"
    LIVE = "live"


class OnMoved(StrEnum):
    """What happens to an account that changed between preview and firing."""

    SKIP = "skip"
    REFUSE = "refuse"


ConfirmOption: TypeAlias = Annotated[
    bool, typer.Option("--confirm", help="Send it. Without this nothing is sent.")
]
ExpiresOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--expires", min=1, help="Seconds after which nothing more is sent."),
]
AtOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--at", help="Fire then: ISO 8601 with its offset, at most 7 days away."),
]
ModeOption: TypeAlias = Annotated[
    Mode | None, typer.Option("--mode", help="Only accounts in this mode.", case_sensitive=False)
]
PreviewOption: TypeAlias = Annotated[
    str | None, typer.Option("--preview", help="Fire what the preview with this token showed.")
]
OnMovedOption: TypeAlias = Annotated[
    OnMoved,
    typer.Option(
        "--on-moved",
        help="An account that changed since the preview is skipped, or everything is refused.",
        case_sensitive=False,
    ),
]
WaitOption: TypeAlias = Annotated[
    bool, typer.Option("--wait", help="Follow it until it is done; the exit code tells how.")
]
WaitTimeoutOption: TypeAlias = Annotated[
    float, typer.Option("--wait-timeout", min=0.1, max=86_400, help="Seconds to wait at most.")
]
DetailOption: TypeAlias = Annotated[
    bool, typer.Option("--detail", help="A row for every order and skip, not one per account.")
]
AccountsOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--account", help="For this account; may be repeated.", autocompletion=completion.accounts
    ),
]
ClientsOption: TypeAlias = Annotated[
    list[int] | None,
    typer.Option(
        "--client", min=1, max=2**53 - 1, help="For this client, by its number; may be repeated."
    ),
]
GroupsOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--group", help="For this group; may be repeated.", autocompletion=completion.groups
    ),
]
