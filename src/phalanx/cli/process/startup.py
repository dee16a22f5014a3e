"""Starting a system: whatever keeps it from starting, said with its code and its place."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.files import read_bounded
from phalanx.cli.process.listener import bind
from phalanx.cli.process.secrecy import OWNER_ONLY, own_files_only
from phalanx.cli.process.tls import server_context
from phalanx.cli.process_settings import require_encryption, require_loopback
from phalanx.cli.profiles.file import read_profile_file

if TYPE_CHECKING:
    from phalanx.cli.process.system import System
    from phalanx.config import Settings
    from phalanx.journal.errors import JournalLocked


@contextmanager
def opened(settings: "Settings", advice: str) -> Iterator[socket.socket]:
    """All that can be refused before a system is built; gives the bound socket.

    The order is from what changes nothing to what makes the folder. ``advice`` is the command that
    would take another port. Raises Failure.
    """
    require_loopback(settings)
    require_encryption(settings)
    server_context(settings)
    check_files(settings)
    loopback = settings.open_localhost
    with (
        own_files_only(),
        bind(settings.host, settings.port, advice, loopback=loopback) as listener,
    ):
        prepare_folder(settings.data)
        yield listener


def check_files(settings: "Settings") -> None:
    """Read the files that the settings name, before a data folder is touched.

    Raises Failure with the code, line and column of what is wrong.
    """
    if settings.profiles is not None:
        read_profile_file(settings.profiles)
    if settings.instruments is not None:
        from phalanx.market.master import read_instruments
        from phalanx.market.table import BYTES_MAX as INSTRUMENT_BYTES_MAX

        content = read_bounded(settings.instruments, INSTRUMENT_BYTES_MAX)
        with file_faults(settings.instruments):
            read_instruments(content)
    if settings.motilal_logins is not None:
        _check_logins(settings.motilal_logins)
    if settings.quotes == "replay" and settings.quotes_file is not None:
        from phalanx.market.feeds.replay import read_bars
        from phalanx.market.table import BYTES_MAX as QUOTES_BYTES_MAX

        content = read_bounded(settings.quotes_file, QUOTES_BYTES_MAX)
        with file_faults(settings.quotes_file):
            read_bars(content)


def _check_logins(path: Path) -> None:
    from phalanx.brokers.motilal.logins_file import BYTES_MAX, LoginsFault, read_logins

    try:
        read_logins(read_bounded(path, BYTES_MAX))
    except LoginsFault as fault:
        raise Failure(Exit.FAILURE, "INVALID_LOGINS", f"{path}: {fault}") from None


def prepare_folder(data: Path) -> None:
    """Make the data folder, its owner's alone, with its ``logs/``. Raises Failure DATA_FOLDER."""
    try:
        data.mkdir(OWNER_ONLY, parents=True, exist_ok=True)
        (data / "logs").mkdir(exist_ok=True)
    except OSError as error:
        detail = f"{error.filename or data}: {error.strerror or error}"
        raise Failure(Exit.FAILURE, "DATA_FOLDER", detail) from None


def build_system(settings: "Settings") -> "System":
    """The system over the data folder. Raises Failure: locked (with the holder), damaged, unreadable."""
    import msgspec

    from phalanx import bootstrap
    from phalanx.access.errors import AccessError
    from phalanx.access.vault.errors import VaultError
    from phalanx.cli.journal.past import unreadable
    from phalanx.journal.errors import JournalError, JournalLocked
    from phalanx.market.store import InstrumentsAltered, InstrumentsMissing

    try:
        return bootstrap.build(settings, views_apart=True)
    except JournalLocked as error:
        raise in_use(settings.data, error) from None
    except JournalError as error:
        raise Failure(Exit.FAILURE, error.code, f"{settings.data}: {error.message}") from None
    except msgspec.DecodeError as error:
        raise unreadable(settings.data, error) from None
    except (InstrumentsMissing, InstrumentsAltered) as error:
        raise Failure(Exit.FAILURE, "INSTRUMENTS_LOST", str(error)) from None
    except (AccessError, VaultError) as error:
        raise Failure(Exit.FAILURE, error.code, f"{settings.data}: {error.message}") from None
    except OSError as error:
        detail = f"{error.filename or settings.data}: {error.strerror or error}"
        raise Failure(Exit.FAILURE, "DATA_FOLDER", detail) from None


def in_use(data: Path, error: "JournalLocked") -> Failure:
    """Another process holds the data folder."""
    holder = "another process" if error.pid is None else f"process {error.pid}"
    detail = f"the data folder {data} is in use by {holder}"
    return Failure(Exit.FAILURE, error.code, detail, pid=error.pid)


async def start_system(system: "System") -> None:
    """Recover and open. Raises Failure, with the system stopped by the caller."""
    from phalanx.desk.errors import Stopped
    from phalanx.engine.refused import Refused
    from phalanx.journal.errors import JournalError

    settings = system.settings
    try:
        with file_faults(settings.instruments or settings.quotes_file or Path("instruments")):
            await system.start()
    except Refused as error:
        raise Failure(Exit.FAILURE, error.code, f"{settings.profiles}: {error.detail}") from None
    except (JournalError, Stopped) as error:
        raise Failure(Exit.FAILURE, error.code, str(error)) from None


async def stop_system(system: "System") -> None:
    """Stop cleanly. Raises Failure when that was not possible; what was answered is durable anyway."""
    from phalanx.journal.errors import JournalError

    try:
        await system.stop()
    except JournalError as error:
        detail = f"stopped, but not cleanly: {error.message}"
        raise Failure(Exit.FAILURE, error.code, detail) from None


@contextmanager
def file_faults(path: Path) -> Iterator[None]:
    """Say an ImportFault as a Failure with its line and column."""
    from phalanx.market.table import ImportFault

    try:
        yield
    except ImportFault as fault:
        raise Failure(
            Exit.FAILURE,
            fault.code.value,
            f"{path}: {fault}",
            line=fault.line,
            column=fault.column,
        ) from None
