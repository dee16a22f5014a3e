"""The process's log: JSON lines in ``DATA/logs/``, rotating; plain text on stderr for a person.

Lines are written by threads: a disk or a terminal that hangs holds up nobody who logs.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import TextIO

import structlog
from structlog.typing import Processor

FILE_NAME = "phalanx.jsonl"
FILE_BYTES_MAX = 16 * 1024 * 1024
FILES_KEPT = 8
"""Older files beside the one being written: at most 9 × 16 MiB in all."""

LINES_WAITING_MAX = 10_000
"""So many lines wait for a slow disk or terminal; what comes on top of them is dropped and counted."""

CLOSE_S = 2.0
"""How long the end of a process waits for its last lines."""


class LogFile(RotatingFileHandler):
    """A rotating file that never lets a full disk disturb the process."""

    def __init__(self, folder: Path, bytes_max: int = FILE_BYTES_MAX) -> None:
        super().__init__(
            folder / FILE_NAME,
            maxBytes=bytes_max,
            backupCount=FILES_KEPT,
            encoding="utf-8",
            delay=True,  # a start that is refused leaves no file behind
        )
        self.lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - its base's name
        """Count the line that could not be written, and say so once."""
        self.lost += 1
        if self.lost == 1:
            error = sys.exc_info()[1]
            print(f"the log file cannot be written: {error}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Let go of what a full disk did not take."""
        with suppress(OSError):
            super().close()


class WrittenBehind(logging.Handler):
    """Formats a line where it is logged, and has ``inner`` write it on a thread of its own."""

    def __init__(self, inner: logging.Handler, lines_max: int = LINES_WAITING_MAX) -> None:
        super().__init__()
        self.formatter = inner.formatter
        inner.setFormatter(None)
        self._inner = inner
        self._lines: Queue[logging.LogRecord | None] = Queue(lines_max)
        self._lost = 0
        self._thread = Thread(target=self._write, name=f"log {type(inner).__name__}", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the line; never waits."""
        try:
            if self._lost and self._put(_not_written(self._lost)):
                self._lost = 0
            if not self._put(record):
                self._lost += 1
        except Exception:  # noqa: BLE001  a line that cannot be shown is no reason to fail
            self.handleError(record)

    def close(self) -> None:
        """Wait a moment for what is queued; a disk that hangs keeps its own lines."""
        super().close()
        with suppress(Full):
            self._lines.put(None, timeout=CLOSE_S)
        self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            self._inner.close()

    def _put(self, record: logging.LogRecord) -> bool:
        line = logging.makeLogRecord({"msg": self.format(record)})
        try:
            self._lines.put_nowait(line)
        except Full:
            return False
        return True

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            self._inner.handle(line)


def _not_written(count: int) -> logging.LogRecord:
    said = f"{count} lines were not written, whatever takes them is too slow"
    warning = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "msg": said}
    return logging.makeLogRecord(warning)


# Where it went wrong, and never with which values: a frame may hold anybody's name and money.
_traceback = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


@contextmanager
def logging_to(
    folder: Path, level: str, console: TextIO | None = None, *, quiet: bool = False
) -> Iterator[None]:
    """Send the log of this process to ``folder`` and to ``console`` (stderr) until it ends.

    ``level`` is debug, info, warning or error; ``quiet``: only warnings to the console.
    What was set up before is put back.
    """
    root = logging.getLogger()
    before, level_before = list(root.handlers), root.level
    handlers: list[logging.Handler] = [
        WrittenBehind(_file(folder)),
        WrittenBehind(_console(console or sys.stderr)),
    ]
    root.handlers = handlers
    root.setLevel(level.upper())
    if quiet:
        handlers[-1].setLevel(logging.WARNING)
    # Every request and every milestone of the server: theirs to know, not worth a line.
    for name in ("uvicorn", "httpx", "httpcore", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.handlers = before
        root.setLevel(level_before)
        for handler in handlers:
            handler.close()


def _file(folder: Path) -> logging.Handler:
    handler = LogFile(folder)
    handler.setFormatter(
        _formatter(
            _traceback,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        )
    )
    return handler


def _console(stream: TextIO) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    renderer = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    handler.setFormatter(_formatter(renderer))
    return handler


def _formatter(*renderers: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
