"""The options that many commands share, with their defaults."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DEFAULT_SERVER = "http://127.0.0.1:8080"
DEFAULT_TIMEOUT_S = 30.0

ServerOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="PHALANX_SERVER",
        help=f"Address of the server. [default: {DEFAULT_SERVER}]",
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
    str | None, typer.Option("--strategy", help="Only this strategy.")
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
