"""A key comes from a file, a variable or a command; what is unsafe or no key is refused, unshown."""

import base64
import errno
import os
import select
import selectors
import shlex
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from phalanx.access.vault import key_sources
from phalanx.access.vault.envelope import KeyEncryptionKey
from phalanx.access.vault.errors import VaultCode, VaultError
from phalanx.access.vault.key_sources import (
    COMMAND_BYTES_MAX,
    key_from_command,
    key_from_environment,
    key_from_file,
    make_key_file,
)
from phalanx.domain.time import SECOND, Clock
from tests.fakes.clock import ManualClock
from tests.unit.access.vault.rig import (
    RepeatableRandom,
    kek,
    key_bytes,
    names_in_frames,
    shown_bytes,
)

KEY = key_bytes("main")
TEXT = base64.b64encode(KEY).decode()


def refusal(ask: Callable[[], object]) -> VaultError:
    """The refusal, which must show nothing of the key in any form, even to who looks into frames."""
    with pytest.raises(VaultError) as caught:
        ask()
    error = caught.value
    shown = str(error) + repr(error) + names_in_frames(error)
    assert all(form not in shown for form in (TEXT, TEXT[4:20], KEY.hex(), shown_bytes(KEY)))
    return error


def key_file(folder: Path, content: bytes = KEY, mode: int = 0o600) -> Path:
    path = folder / "kek"
    path.write_bytes(content)
    path.chmod(mode)
    return path


class TestFile:
    def test_a_private_file_of_32_bytes_is_the_key(self, tmp_path: Path) -> None:
        assert key_from_file(key_file(tmp_path)).id == kek("main").id
        assert key_from_file(key_file(tmp_path, mode=0o400)).id == kek("main").id

    @pytest.mark.parametrize("bit", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001])
    def test_a_file_that_others_may_use_in_any_way_is_refused(
        self, tmp_path: Path, bit: int
    ) -> None:
        path = key_file(tmp_path, mode=0o600 | bit)

        error = refusal(lambda: key_from_file(path))
        assert error.code == VaultCode.KEY_FILE_TOO_OPEN
        assert str(path) in str(error)

    @pytest.mark.parametrize("size", [0, 1, 31, 33, 4096])
    def test_a_file_of_another_size_is_no_key(self, tmp_path: Path, size: int) -> None:
        path = key_file(tmp_path, (KEY * 128)[:size])

        assert refusal(lambda: key_from_file(path)).code == VaultCode.KEY_INVALID

    @pytest.mark.parametrize("different", [1, 2, 7])
    def test_a_file_that_nobody_drew_is_no_key(self, tmp_path: Path, different: int) -> None:
        path = key_file(tmp_path, (bytes(range(different)) * 32)[:32])

        assert refusal(lambda: key_from_file(path)).code == VaultCode.KEY_INVALID

    def test_eight_different_bytes_may_be_chance(self, tmp_path: Path) -> None:
        key_from_file(key_file(tmp_path, bytes(range(8)) * 4))

    def test_a_file_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        error = refusal(lambda: key_from_file(tmp_path / "kek"))

        assert error.code == VaultCode.KEY_FILE_UNREADABLE
        assert os.strerror(errno.ENOENT) in str(error)

    def test_a_folder_or_a_pipe_is_refused_and_nobody_waits_for_it(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe, 0o600)
        folder = tmp_path / "folder"
        folder.mkdir(0o700)

        for path in (pipe, folder):
            error = refusal(partial(key_from_file, path))
            assert error.code == VaultCode.KEY_FILE_TOO_OPEN

    def test_what_a_link_leads_to_is_what_must_be_private(self, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(key_file(tmp_path, mode=0o640))
        assert refusal(lambda: key_from_file(link)).code == VaultCode.KEY_FILE_TOO_OPEN

        (tmp_path / "kek").chmod(0o600)
        assert key_from_file(link).id == kek("main").id


class TestMakingTheFile:
    def test_it_is_made_private_with_fresh_bytes_and_nothing_is_left_beside(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "kek"
        before = os.umask(0)
        try:
            assert make_key_file(path, RepeatableRandom())
        finally:
            os.umask(before)

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [file.name for file in tmp_path.iterdir()] == ["kek"]
        assert key_from_file(path).id != kek("main").id

    def test_the_bytes_are_those_that_were_drawn(self, tmp_path: Path) -> None:
        path = tmp_path / "kek"
        drawn = RepeatableRandom()
        drawn.token(8)
        make_key_file(path, RepeatableRandom())

        assert path.read_bytes() == drawn.token(32)

    def test_one_that_is_there_stays(self, tmp_path: Path) -> None:
        path = key_file(tmp_path)

        assert not make_key_file(path, RepeatableRandom())
        assert key_from_file(path).id == kek("main").id

    def test_of_two_who_make_it_at_a_time_the_first_wins(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "kek"
        link = Path.hardlink_to

        def late(self: Path, target: Path) -> None:
            key_file(tmp_path)
            link(self, target)

        monkeypatch.setattr(Path, "hardlink_to", late)

        assert not make_key_file(path, RepeatableRandom())
        assert path.read_bytes() == KEY
        assert [file.name for file in tmp_path.iterdir()] == ["kek"]

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        error = refusal(lambda: make_key_file(tmp_path / "no" / "kek", RepeatableRandom()))

        assert error.code == VaultCode.KEY_FILE_UNREADABLE

    def test_a_disk_that_fails_leaves_no_half_key(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr(os, "fsync", fail)
        error = refusal(lambda: make_key_file(tmp_path / "kek", RepeatableRandom()))

        assert error.code == VaultCode.KEY_FILE_UNREADABLE
        assert os.strerror(errno.ENOSPC) in str(error)
        assert list(tmp_path.iterdir()) == []


class TestEnvironment:
    @pytest.mark.parametrize("text", [TEXT, f" {TEXT}\n"])
    def test_the_variable_holds_the_key_in_base64(self, text: str) -> None:
        assert key_from_environment("KEK", {"KEK": text}).id == kek("main").id

    @pytest.mark.parametrize("environment", [{}, {"KEK": ""}, {"OTHER": TEXT}])
    def test_a_variable_that_is_not_set_is_told(self, environment: dict[str, str]) -> None:
        error = refusal(lambda: key_from_environment("KEK", environment))

        assert error.code == VaultCode.KEY_NOT_SET
        assert "KEK" in str(error)

    @pytest.mark.parametrize(
        "text",
        [
            TEXT[:-4],
            TEXT[:-1],
            TEXT + "!",
            TEXT[:20] + "\n" + TEXT[20:],
            TEXT[:-1] + "é",
            TEXT + TEXT,
            base64.b64encode(KEY[:31]).decode(),
            base64.b64encode(KEY + b"x").decode(),
            KEY.hex(),
            TEXT * 200,
            base64.b64encode(bytes(32)).decode(),
        ],
        ids=range(11),
    )
    def test_what_is_no_key_is_refused_and_not_shown(self, text: str) -> None:
        error = refusal(lambda: key_from_environment("KEK", {"KEK": text}))

        assert error.code == VaultCode.KEY_INVALID


def python(*lines: str) -> list[str]:
    """A command that runs these lines."""
    return [sys.executable, "-S", "-c", "\n".join(("import os, sys", *lines))]


def ask(command: list[str], timeout_ns: int = 60 * SECOND) -> KeyEncryptionKey:
    """With a clock that stands: the time that is left never grows less while the command works."""
    return key_from_command(command, ManualClock(), timeout_ns=timeout_ns)


@pytest.fixture
def printing(tmp_path: Path) -> str:
    """A line that prints the key. It finds it in a file, so that no argument holds it."""
    file = tmp_path / "text"
    file.write_text(TEXT)
    return f"print(open({str(file)!r}).read())"


@pytest.fixture
def typed() -> Iterator[None]:
    """Somebody typed something that this process has not read."""
    reading, writing = os.pipe()
    os.write(writing, b"typed")
    os.close(writing)
    before = os.dup(0)
    os.dup2(reading, 0)
    yield
    os.dup2(before, 0)
    os.close(before)
    os.close(reading)


class TestCommand:
    def test_what_it_prints_is_the_key(self, printing: str) -> None:
        assert ask(python(printing)).id == kek("main").id

    def test_it_runs_once_without_a_shell_or_input_in_a_session_of_its_own(
        self, tmp_path: Path, printing: str, typed: None
    ) -> None:
        notes = tmp_path / "notes"
        command = python(
            f"notes = open({str(notes)!r}, 'a')",
            "print(sys.argv[1:], sys.stdin.read() == '', os.getsid(0) == os.getpid(), file=notes)",
            printing,
        )
        ask([*command, "$HOME; echo *"])

        assert notes.read_text() == "['$HOME; echo *'] True True\n"

    def test_no_argument_of_a_process_holds_the_key(self, tmp_path: Path, printing: str) -> None:
        notes = tmp_path / "notes"
        see = "open('/proc/%s/cmdline' % pid, 'rb').read()"
        ask(
            python(
                f"notes = open({str(notes)!r}, 'wb')",
                f"notes.write(b''.join({see} for pid in (os.getpid(), os.getppid())))",
                printing,
            )
        )
        seen = notes.read_bytes()

        assert b"import os, sys" in seen
        assert os.fsencode(sys.orig_argv[0]) in seen
        assert TEXT.encode() not in seen

    def test_what_it_says_on_stderr_is_shown_to_nobody(
        self, printing: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        error = refusal(
            lambda: ask(python(printing.replace("())", "(), file=sys.stderr)"), "sys.exit(3)"))
        )

        assert error.code == VaultCode.KEY_COMMAND_FAILED
        assert "code 3" in str(error)
        assert capfd.readouterr() == ("", "")

    def test_a_key_does_not_count_when_the_command_fails(self, printing: str) -> None:
        error = refusal(lambda: ask(python(printing, "sys.exit(1)")))

        assert error.code == VaultCode.KEY_COMMAND_FAILED

    @pytest.mark.parametrize("command", [[], ["/no/such/command"], ["/"], ["a\0b"]])
    def test_one_that_cannot_start_is_told(self, command: list[str]) -> None:
        assert refusal(lambda: ask(command)).code == VaultCode.KEY_COMMAND_FAILED

    @pytest.mark.parametrize(
        "line", ["", "print('no key')", "sys.stdout.buffer.write(bytes(range(256)))"]
    )
    def test_what_is_no_key_is_refused(self, line: str) -> None:
        assert refusal(lambda: ask(python(line))).code == VaultCode.KEY_INVALID

    def test_a_key_with_something_behind_it_is_no_key_and_not_shown(self, printing: str) -> None:
        error = refusal(lambda: ask(python(printing, "print('and this')")))

        assert error.code == VaultCode.KEY_INVALID

    def test_one_that_prints_too_much_is_ended(self, printing: str) -> None:
        error = refusal(lambda: ask(python(printing, "while True: print('x' * 1000)")))

        assert error.code == VaultCode.KEY_COMMAND_TOO_LONG

    @pytest.mark.parametrize(
        ("size", "code"),
        [
            (COMMAND_BYTES_MAX, VaultCode.KEY_INVALID),
            (COMMAND_BYTES_MAX + 1, VaultCode.KEY_COMMAND_TOO_LONG),
        ],
    )
    def test_the_bound_of_what_it_prints_is_exact(self, size: int, code: VaultCode) -> None:
        error = refusal(lambda: ask(python(f"sys.stdout.write('x' * {size})")))

        assert error.code == code

    def test_spaces_around_the_key_do_not_matter(self, printing: str) -> None:
        assert ask(python("print('  ')", printing)).id == kek("main").id


HANGS = "import time; time.sleep(120)"


class TestCommandThatHangs:
    """Time is over at once: the command cannot have printed or ended by then, however slow it is."""

    def ended(self, pid: int) -> bool:
        """Whether that process is no more, or is soon: who was killed may have a moment yet."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            return select.select([descriptor], [], [], 60)[0] != []
        finally:
            os.close(descriptor)

    def test_one_that_does_not_end_is_ended(self) -> None:
        error = refusal(lambda: ask(python(HANGS), timeout_ns=0))

        assert error.code == VaultCode.KEY_COMMAND_TOO_SLOW

    def test_one_that_printed_the_key_must_still_end(
        self, printing: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = ManualClock()
        output = key_sources._output

        def then_time_is_over(stdout: IO[bytes], clock_: Clock, deadline: int) -> bytes | None:
            printed = output(stdout, clock_, deadline)
            assert printed == TEXT.encode() + b"\n"
            clock.advance(60 * SECOND)
            return printed

        monkeypatch.setattr(key_sources, "_output", then_time_is_over)
        command = python(printing, "sys.stdout.flush()", "os.close(1)", HANGS)
        error = refusal(lambda: key_from_command(command, clock, timeout_ns=60 * SECOND))

        assert error.code == VaultCode.KEY_COMMAND_TOO_SLOW

    def test_one_that_dribbles_has_no_more_time_than_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """There always is a next byte, so it is the clock alone that says when time is over."""

        class EverLater(ManualClock):
            def monotonic(self) -> int:
                self.advance(SECOND)
                return super().monotonic()

        class AlwaysReady(selectors.SelectSelector):
            def select(
                self, timeout: float | None = None
            ) -> list[tuple[selectors.SelectorKey, int]]:
                return super().select()

        monkeypatch.setattr(selectors, "DefaultSelector", AlwaysReady)
        command = python("import time", "while True: os.write(1, b'x'); time.sleep(0.0001)")
        error = refusal(lambda: key_from_command(command, EverLater(), timeout_ns=5 * SECOND))

        assert error.code == VaultCode.KEY_COMMAND_TOO_SLOW

    def test_what_it_started_is_ended_with_it(self, tmp_path: Path) -> None:
        """It ends, and what it started holds on to its output: there is no end of that."""
        started = tmp_path / "started"

        class OverOnceItStarted(ManualClock):
            def monotonic(self) -> int:
                return 60 * SECOND if started.exists() else 0

        child = shlex.join(python(HANGS))
        command = python(
            f"os.system({f'{child} & echo $! > {started}.new'!r})",
            f"os.rename({f'{started}.new'!r}, {str(started)!r})",
            "print('started', flush=True)",
        )
        error = refusal(
            lambda: key_from_command(command, OverOnceItStarted(), timeout_ns=60 * SECOND)
        )

        assert error.code == VaultCode.KEY_COMMAND_TOO_SLOW
        assert self.ended(int(started.read_text()))
