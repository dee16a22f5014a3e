"""Where a key-encryption key comes from: a file, an environment variable, or what a command prints.

A key of 32 random bytes is asked for once, at the start, and becomes a `KeyEncryptionKey` at once. No error
here shows anything of what was read.
"""

import base64
import binascii
import os
import selectors
import shlex
import signal
import stat
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from phalanx.access.vault.envelope import KEY_BYTES, KeyEncryptionKey
from phalanx.access.vault.errors import VaultCode, VaultError
from phalanx.domain.time import SECOND, Clock, Nanoseconds, Random

COMMAND_TIMEOUT_NS: Final = 10 * SECOND
COMMAND_BYTES_MAX: Final = 4 * 1024
DISTINCT_BYTES_MIN: Final = 8
"""Fewer different bytes are no chance: 32 random ones have fewer than this less than once in 10^36 draws."""
_TEXT_BYTES_MAX: Final = 4 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_PRIVATE: Final = stat.S_IRUSR | stat.S_IWUSR
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""What is at the path may be a device that makes whoever opens it wait."""


def key_from(source: str, environment: Mapping[str, str], clock: Clock) -> KeyEncryptionKey:
    """The key of a source as settings name it: ``file:PATH``, ``env:NAME`` or ``command:WORDS``, the words
    as a shell would split them. Raises what the source's function raises, KEY_INVALID for another word.
    """
    kind, _, where = source.partition(":")
    match kind:
        case "file":
            return key_from_file(Path(where))
        case "env":
            return key_from_environment(where, environment)
        case "command":
            return key_from_command(shlex.split(where), clock)
        case _:
            detail = "a key comes from file:PATH, env:NAME or command:WORDS"
            raise VaultError(VaultCode.KEY_INVALID, detail)


def key_from_file(path: Path) -> KeyEncryptionKey:
    """The 32 bytes of a plain file that only its owner may read.

    Raises KEY_FILE_TOO_OPEN, KEY_FILE_UNREADABLE, KEY_INVALID.
    """
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        raise file_error(path, error) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) or mode & _OTHERS:
            raise VaultError(
                VaultCode.KEY_FILE_TOO_OPEN,
                f"{path} must be a plain file that only its owner may use (chmod 600)",
            )
        return _known(_from_bytes(os.read(descriptor, KEY_BYTES + 1)), str(path))
    except OSError as error:
        raise file_error(path, error) from None
    finally:
        os.close(descriptor)


def make_key_file(path: Path, random: Random) -> bool:
    """Make the file with a fresh key where there is none; whether it was made, and is on disk.

    It gets its name when it is whole, and never takes that of another: of two who make it at a time, both
    use the one that came first. Raises KEY_FILE_UNREADABLE.
    """
    if path.exists():
        return False
    beside = path.with_name(f"{path.name}.{random.token(8).hex()}")
    try:
        _write_private(beside, random)
        try:
            path.hardlink_to(beside)
        except FileExistsError:
            return False
        finally:
            beside.unlink()
        sync_folder(path.parent)
    except OSError as error:
        raise file_error(path, error) from None
    return True


def key_from_environment(name: str, environment: Mapping[str, str]) -> KeyEncryptionKey:
    """The key that a variable holds in base64. Raises KEY_NOT_SET, KEY_INVALID."""
    is_set, key = bool(environment.get(name)), _from_base64(environment.get(name, ""))
    # A traceback that shows the local names of its frames would show every variable.
    del environment
    if not is_set:
        raise VaultError(VaultCode.KEY_NOT_SET, f"the environment variable {name} is not set")
    return _known(key, f"the environment variable {name}")


def key_from_command(
    command: Sequence[str], clock: Clock, *, timeout_ns: Nanoseconds = COMMAND_TIMEOUT_NS
) -> KeyEncryptionKey:
    """The key that a command prints in base64; it is run once, without a shell and without input.

    What it says on stderr is thrown away. It has ``timeout_ns`` and `COMMAND_BYTES_MAX` bytes; then it is
    ended with every process of its group. Raises KEY_COMMAND_FAILED, KEY_COMMAND_TOO_SLOW,
    KEY_COMMAND_TOO_LONG, KEY_INVALID.
    """
    printed = _printed(command, clock, clock.monotonic() + timeout_ns)
    if isinstance(printed, VaultError):
        raise printed
    return _known(printed, "the key command")


def _known(key: KeyEncryptionKey | None, where: str) -> KeyEncryptionKey:
    if key is None:
        detail = f"{where} does not hold a key of {KEY_BYTES} random bytes"
        raise VaultError(VaultCode.KEY_INVALID, detail)
    return key


def file_error(path: Path, error: OSError) -> VaultError:
    """What the system refused of a key file, without its content."""
    why = os.strerror(error.errno or 0)
    return VaultError(VaultCode.KEY_FILE_UNREADABLE, f"{path}: {why}")


def _write_private(path: Path, random: Random) -> None:
    """A new file of a fresh key, on disk, for its owner only. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(random.token(KEY_BYTES))
            file.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """The names in a folder are on disk when this returns. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Keys are in the functions below as they came, and these raise nothing: a traceback that shows the local
# names of its frames shows none of them.


def _from_bytes(key: bytes) -> KeyEncryptionKey | None:
    if len(key) != KEY_BYTES or len(set(key)) < DISTINCT_BYTES_MIN:
        return None
    return KeyEncryptionKey(key)


def _from_base64(text: str | bytes) -> KeyEncryptionKey | None:
    if len(text) > _TEXT_BYTES_MAX:
        return None
    try:
        return _from_bytes(base64.b64decode(text.strip(), validate=True))
    except (binascii.Error, ValueError):
        return None


def _printed(
    command: Sequence[str], clock: Clock, deadline: Nanoseconds
) -> KeyEncryptionKey | VaultError | None:
    """The key that the command printed, None where that is none, or why it printed nothing of use."""
    try:
        process = subprocess.Popen(  # noqa: S603  # the administrator's own words, and no shell
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError, IndexError) as error:
        why = type(error).__name__
        return VaultError(VaultCode.KEY_COMMAND_FAILED, f"the key command did not start: {why}")
    assert process.stdout is not None
    try:
        with process.stdout as stdout:
            output = _output(stdout, clock, deadline)
        refusal = _refusal(process, output, clock, deadline)
    finally:
        if process.returncode is None:
            _end(process)
    return refusal if output is None or refusal else _from_base64(output)


def _output(stdout: IO[bytes], clock: Clock, deadline: Nanoseconds) -> bytes | None:
    """What was printed up to the end, or up to one byte too many; None where time was over before."""
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while len(output) <= COMMAND_BYTES_MAX:
            left_ns = deadline - clock.monotonic()
            if left_ns <= 0 or not selector.select(left_ns / SECOND):
                return None
            read = os.read(stdout.fileno(), COMMAND_BYTES_MAX + 1 - len(output))
            if not read:
                break
            output += read
    return output


def _refusal(
    process: subprocess.Popen[bytes], output: bytes | None, clock: Clock, deadline: Nanoseconds
) -> VaultError | None:
    """Why the output does not count, None where it does: then the process has ended."""
    if output is None:
        return _too_slow()
    if len(output) > COMMAND_BYTES_MAX:
        return VaultError(
            VaultCode.KEY_COMMAND_TOO_LONG,
            f"the key command printed more than {COMMAND_BYTES_MAX} bytes",
        )
    try:
        code = process.wait(max(0, deadline - clock.monotonic()) / SECOND)
    except subprocess.TimeoutExpired:
        return _too_slow()
    if code != 0:
        return VaultError(VaultCode.KEY_COMMAND_FAILED, f"the key command ended with code {code}")
    return None


def _too_slow() -> VaultError:
    return VaultError(
        VaultCode.KEY_COMMAND_TOO_SLOW, "the key command took too long, and was ended"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command with whatever it started in its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
