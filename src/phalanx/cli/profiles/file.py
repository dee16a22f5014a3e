"""A profiles file, read before it is sent or imported."""

from pathlib import Path

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.files import read_bounded
from phalanx.domain.profiles import BYTES_MAX, ProfileFault, Profiles, read_profiles


def read_profile_file(path: Path) -> Profiles:
    """The profiles in a file. Raises Failure with the code, line and column of what is wrong."""
    try:
        return read_profiles(read_bounded(path, BYTES_MAX))
    except ProfileFault as fault:
        detail = f"{path}, {fault}"
        raise Failure(
            Exit.FAILURE, fault.code, detail, line=fault.line, column=fault.column
        ) from None
