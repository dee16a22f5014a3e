"""A server process: one system, one HTTP server, until a signal comes or the desk fails."""

import asyncio
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

import structlog
import uvicorn

from phalanx import __version__
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.process.listener import allow_many_files, url_of
from phalanx.cli.process.secrecy import close_memory
from phalanx.cli.process.startup import build_system, start_system, stop_system
from phalanx.cli.process.tls import STRICT_TRANSPORT, server_context

if TYPE_CHECKING:
    from phalanx.cli.process.system import System
    from phalanx.config import Settings

CONNECTIONS_MAX = 8_192
KEEP_ALIVE_S = 75
SHUTDOWN_S = 5
MESSAGE_BYTES_MAX = 64 * 1024
"""What a reader of the stream may send; it has nothing long to say."""

Guest: TypeAlias = Callable[["System", str, asyncio.Event], Awaitable[None]]
"""What runs beside the server: gets the system, its address, and the event that says stop."""

_log = structlog.get_logger("phalanx.cli")


class HttpServer(uvicorn.Server):
    """uvicorn, except that the process decides about signals and hears when it listens."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._say_started = started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them once more at the end, and the exit code with them."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so. Raises Failure PORT_IN_USE when another program was quicker."""
        try:
            await super().startup(sockets)
        except OSError as error:
            raise Failure(Exit.FAILURE, "PORT_IN_USE", f"cannot listen: {error}") from None
        if self.started:
            self._say_started()


def host(
    settings: "Settings",
    listener: socket.socket,
    ready: Callable[["System", str], None],
    prepare: Callable[["System"], Awaitable[None]] | None = None,
    guest: Guest | None = None,
) -> None:
    """Run until SIGTERM or SIGINT (returns), or until the desk fails (raises Failure DESK_FAILED).

    ``prepare`` runs when the system is started and before the first request; ``ready`` is called
    when requests are served. The system is stopped, with its snapshot taken, whatever happens.
    """
    allow_many_files()
    close_memory()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_host(settings, listener, ready, prepare, guest))


async def _host(
    settings: "Settings",
    listener: socket.socket,
    ready: Callable[["System", str], None],
    prepare: Callable[["System"], Awaitable[None]] | None,
    guest: Guest | None,
) -> None:
    stop = asyncio.Event()
    _listen_to_signals(stop)
    system = build_system(settings)
    try:
        await start_system(system)
        if prepare is not None:
            await prepare(system)
        if not stop.is_set():
            await _serve(system, listener, stop, ready, guest)
    except BaseException as error:
        if isinstance(error, BrokenPipeError):
            _log.info("the server ends: nobody reads its output any more")
        else:
            _log.critical("the server ends", error=str(error))
        # What went wrong first is what is told.
        with suppress(Exception):
            await system.stop()
        raise
    await stop_system(system)
    _log.info("stopped", seq=system.desk.durable_seq)


async def _serve(
    system: "System",
    listener: socket.socket,
    stop: asyncio.Event,
    ready: Callable[["System", str], None],
    guest: Guest | None,
) -> None:
    """Serve until ``stop``; whatever ends first ends the rest."""
    config = _config(system)
    url = url_of(listener, "https" if config.is_ssl else "http")

    serving = asyncio.Event()

    def started() -> None:
        serving.set()
        _log.info("serving", url=url, version=__version__, epoch=system.desk.epoch)
        ready(system, url)

    server = HttpServer(config, started)
    working = [asyncio.create_task(server.serve([listener]), name="http")]
    if guest is not None:
        visit = _visit(guest, system, url, serving, stop)
        working.append(asyncio.create_task(visit, name="guest"))
    failing = asyncio.create_task(system.wait_failed(), name="failed")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait([*working, failing, stopping], return_when=asyncio.FIRST_COMPLETED)
    failure = failing.result() if failing.done() else None
    stop.set()
    serving.set()
    server.should_exit = True
    await asyncio.wait(working)
    failing.cancel()
    await asyncio.gather(failing, stopping, return_exceptions=True)
    if failure is not None:
        code = str(getattr(failure, "code", "DESK_FAILED"))
        detail = f"the desk had to stop: {getattr(failure, 'message', failure)}"
        raise Failure(Exit.FAILURE, code, detail) from failure
    for task in working:
        task.result()


async def _visit(
    guest: Guest, system: "System", url: str, serving: asyncio.Event, stop: asyncio.Event
) -> None:
    await serving.wait()
    if not stop.is_set():
        await guest(system, url, stop)


def _config(system: "System") -> uvicorn.Config:
    from phalanx import bootstrap

    tls = server_context(system.settings)
    return uvicorn.Config(
        bootstrap.application(system),
        loop="none",
        http=bootstrap.http_protocol(),
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_max_queue=8,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        backlog=2_048,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        headers=[] if tls is None else [STRICT_TRANSPORT],
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


def _listen_to_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
