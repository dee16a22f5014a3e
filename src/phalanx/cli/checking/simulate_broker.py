"""`phalanx simulate broker`: a broker's server to try the wire against, with nobody's money."""

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.options import JsonOption

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen
    from phalanx.domain.numbers import Money, Price
    from phalanx.simulation.stub_server import StubServer

HOST = "127.0.0.1"
MILLISECONDS_MAX = 3_600_000

PortOption: TypeAlias = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="Port, 0 for a free one.")
]
CertificateOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--certificate", help="Serve over TLS with this certificate (PEM)."),
]
KeyOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--key", help="Its private key, if it is in a file of its own (PEM)."),
]
KindOption: TypeAlias = Annotated[
    Literal["D", "L", "N"],
    typer.Option("--kind", help="What it does with our tags; see PHALANX_STUB_KIND."),
]
CashOption: TypeAlias = Annotated[
    str, typer.Option("--cash", help="What an account has when it is first spoken of.")
]
PriceOption: TypeAlias = Annotated[
    str, typer.Option("--price", help="At which MARKET orders without a limit trade.")
]
AnswerOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--answer-after-ms",
        min=0,
        max=MILLISECONDS_MAX,
        help="So long an order is looked at before it is taken.",
    ),
]
FillOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--fill-after-ms",
        min=-1,
        max=MILLISECONDS_MAX,
        help="So long after it was taken an order trades, whole; -1: never.",
    ),
]

app = typer.Typer(
    name="broker",
    help="A broker's server to try the wire against, on this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def broker() -> None:
    """A broker's server to try the wire against, on this machine."""


@app.command("stub")
def stub(
    *,
    port: PortOption = 8090,
    certificate: CertificateOption = None,
    key: KeyOption = None,
    kind: KindOption = "L",
    cash: CashOption = "10000000",
    price: PriceOption = "100",
    answer_after_ms: AnswerOption = 0,
    fill_after_ms: FillOption = 100,
    as_json: JsonOption = False,
) -> None:
    """Run a stub broker's server until Ctrl-C, for `phalanx serve` with PHALANX_STUB_BROKER.

    It takes every order of every account, and forgets all of it when it ends.
    """
    import asyncio

    from phalanx.cli.display.screen import Screen

    trade = Trade(_amount(cash, "--cash"), _amount(price, "--price"), fill_after_ms)
    tls = server_context(certificate, key)
    screen = Screen(as_json=as_json)
    asyncio.run(_serve(_server(kind, trade, answer_after_ms), port, tls, screen))


class Trade(NamedTuple):
    """What the simulated market does: the money of an account, the price of MARKET orders, and when an order
    trades (ms; below zero: never).
    """

    cash: "Money"
    price: "Price"
    after_ms: int


def _amount(text: str, option: str) -> int:
    from phalanx.cli.input.numbers import typed_number
    from phalanx.domain.numbers import parse_fixed

    return parse_fixed(typed_number(text, option))


def server_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS for a server of ours; None without a certificate. Raises Failure USAGE, FILE_NOT_READABLE."""
    if certificate is None:
        if key is not None:
            raise Failure(Exit.USAGE, "USAGE", "--key is of no use without --certificate")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        detail = f"{certificate}: no certificate with its key: {error.strerror or error}"
        raise Failure(Exit.USAGE, "FILE_NOT_READABLE", detail) from None
    return context


def _server(kind: str, trade: Trade, answer_after_ms: int) -> "StubServer":
    from phalanx.bootstrap import SystemClock
    from phalanx.brokers.stub import NAME
    from phalanx.domain.capabilities import BrokerKind
    from phalanx.simulation.exchange import StubExchange
    from phalanx.simulation.stub_market import StubMarket
    from phalanx.simulation.stub_server import StubServer

    exchange = StubExchange(NAME, BrokerKind(kind), SystemClock(), welcome=trade.cash)
    if trade.after_ms >= 0:
        StubMarket(exchange, trade.price, trade.after_ms / 1_000)
    return StubServer(exchange, lambda _account: answer_after_ms / 1_000)


async def _serve(
    server: "StubServer", port: int, tls: ssl.SSLContext | None, screen: "Screen"
) -> None:
    from phalanx.cli.process.listener import allow_many_files, cannot_listen
    from phalanx.cli.process.stopping import stop_on_signals

    allow_many_files()
    stop = stop_on_signals()
    try:
        found = await server.start(HOST, port, tls)
    except OSError as error:
        advice = "phalanx simulate broker stub --port {port}"
        raise cannot_listen(error, HOST, port, advice) from None
    url = f"{'https' if tls else 'http'}://{HOST}:{found}"
    if screen.as_json:
        screen.document({"ready": True, "url": url})
    else:
        screen.say(f"ready {url} (for the server: PHALANX_STUB_BROKER={url} phalanx serve)")
    await stop.wait()
    await server.close()
    taken = len(server.exchange.taken)
    if screen.as_json:
        screen.document({"accounts": len(server.exchange.accounts), "orders": taken})
    else:
        screen.say(f"{taken:,} orders of {len(server.exchange.accounts):,} accounts were taken")
