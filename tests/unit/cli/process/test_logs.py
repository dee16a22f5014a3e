"""The process's log: JSON lines that rotate, plain text for a person."""

import io
import json
import logging
import threading
from pathlib import Path

import pytest
import structlog

from phalanx.cli.process import logs
from phalanx.cli.process.logs import (
    FILE_NAME,
    FILES_KEPT,
    LogFile,
    WrittenBehind,
    logging_to,
)


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(text) for text in (folder / FILE_NAME).read_text().splitlines()]


def test_both_kinds_of_loggers_reach_file_and_console(tmp_path: Path) -> None:
    console = io.StringIO()
    with logging_to(tmp_path, "info", console):
        structlog.get_logger("desk").info("serving", url="http://x")
        logging.getLogger("other").warning("slow by %d ms", 7)
        structlog.get_logger("desk").debug("too fine")

    first, second = lines(tmp_path)
    assert (first["event"], first["url"], first["level"], first["logger"]) == (
        *("serving", "http://x", "info", "desk"),
    )
    assert (second["event"], second["level"]) == ("slow by 7 ms", "warning")
    assert str(first["timestamp"]).endswith("Z")
    assert "serving" in console.getvalue()
    assert "\x1b[" not in console.getvalue()


def test_an_error_brings_its_trace(tmp_path: Path) -> None:
    console = io.StringIO()
    with logging_to(tmp_path, "info", console):
        try:
            secret = "no good"
            int(secret)
        except ValueError:
            structlog.get_logger("desk").exception("it broke")

    (line,) = lines(tmp_path)
    said = json.dumps(line["exception"])
    assert "no good" in said
    assert "locals" not in said
    assert "secret" not in said
    assert "ValueError: invalid literal" in console.getvalue()


def test_quiet_keeps_remarks_off_the_console_only(tmp_path: Path) -> None:
    console = io.StringIO()
    with logging_to(tmp_path, "info", console, quiet=True):
        structlog.get_logger("desk").info("serving")
        structlog.get_logger("desk").warning("watch out")

    assert len(lines(tmp_path)) == 2
    assert "serving" not in console.getvalue()
    assert "watch out" in console.getvalue()


def test_what_was_before_is_put_back(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = list(root.handlers), root.level
    with logging_to(tmp_path, "error", io.StringIO()):
        assert (list(root.handlers), root.level) != before

    assert (list(root.handlers), root.level) == before
    assert list(tmp_path.iterdir()) == []


def test_files_rotate_and_are_bounded(tmp_path: Path) -> None:
    handler = LogFile(tmp_path, bytes_max=100)
    for number in range(100):
        handler.emit(logging.makeLogRecord({"msg": f"line {number} {'x' * 60}"}))
    handler.close()

    assert len(list(tmp_path.iterdir())) == FILES_KEPT + 1
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())


def test_a_full_disk_disturbs_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = LogFile(tmp_path)
    handler.baseFilename = "/dev/full"
    handler.handle(logging.makeLogRecord({"msg": "x"}))
    handler.close()

    assert handler.lost == 1
    assert "the log file cannot be written" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_disturbs_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = LogFile(tmp_path / "missing")
    for _ in range(3):
        handler.handle(logging.makeLogRecord({"msg": "x"}))
    handler.close()

    assert handler.lost == 3
    assert capsys.readouterr().err.count("the log file cannot be written") == 1


class Hanging(logging.Handler):
    """A disk that takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.go.wait()
        self.written.append(record.getMessage())


def test_a_disk_that_hangs_holds_up_nobody_and_what_it_missed_is_said() -> None:
    disk = Hanging()
    behind = WrittenBehind(disk, lines_max=3)
    for number in range(10):
        behind.handle(logging.makeLogRecord({"msg": f"line {number}"}))
    disk.go.set()
    while len(disk.written) < 3:
        pass
    behind.handle(logging.makeLogRecord({"msg": "after it"}))
    behind.close()

    told = [line for line in disk.written if "were not written" in line]
    assert disk.written[:3] == ["line 0", "line 1", "line 2"]
    assert disk.written[-1] == "after it"
    assert len(told) == 1
    assert int(told[0].split()[0]) == 10 - len([w for w in disk.written if w.startswith("line")])


def test_the_end_does_not_wait_for_a_disk_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "CLOSE_S", 0.01)
    disk = Hanging()
    behind = WrittenBehind(disk, lines_max=1)
    for _ in range(3):
        behind.handle(logging.makeLogRecord({"msg": "x"}))
    behind.close()

    assert disk.written == []
    disk.go.set()


def test_a_line_that_cannot_be_shown_disturbs_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    disk = Hanging()
    disk.go.set()
    behind = WrittenBehind(disk)
    behind.handle(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    behind.handle(logging.makeLogRecord({"msg": "after it"}))
    behind.close()

    assert disk.written == ["after it"]
    assert "Logging error" in capsys.readouterr().err
