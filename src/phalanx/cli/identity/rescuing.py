"""An admin of a data folder whose server is stopped, let in again."""

from pathlib import Path
from typing import TYPE_CHECKING

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.process.secrecy import own_files_only
from phalanx.cli.process.startup import in_use

if TYPE_CHECKING:
    from phalanx.access.rescue import Rescued


def rescued(data: Path, name: str | None) -> "Rescued":
    """Who it is, and their password. Raises Failure with the code: JOURNAL_LOCKED, NO_DATABASE, WHICH_ADMIN,
    NAME_TAKEN, INVALID and what keeps ``access.db`` from being used.
    """
    from phalanx import bootstrap
    from phalanx.access.errors import AccessError
    from phalanx.journal.errors import JournalLocked

    try:
        with own_files_only():
            return bootstrap.rescue_admin(data, name)
    except JournalLocked as error:
        raise in_use(data, error) from None
    except AccessError as error:
        raise Failure(Exit.FAILURE, error.code, f"{data}: {error.message}") from None
    except OSError as error:
        detail = f"{error.filename or data}: {error.strerror or error}"
        raise Failure(Exit.FAILURE, "DATA_FOLDER", detail) from None
