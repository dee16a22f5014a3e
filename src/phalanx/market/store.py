"""The versioned instrument files of a data folder.

A file is named by the hash of its content and never changes. Which one is in force is not said
here: the journal's last ``InstrumentsLoaded`` says it.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from phalanx.domain.instruments import InstrumentIndex
from phalanx.market.master import content_hash, read_index
from phalanx.market.table import read_content

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class InstrumentsMissing(Exception):
    """The journal names an instrument file that the folder does not have."""

    def __init__(self, sha256: str, path: Path) -> None:
        super().__init__(f"{path} is missing, and the journal needs it; restore that file")
        self.sha256 = sha256
        self.path = path


class InstrumentsAltered(Exception):
    """An instrument file is not what its name says."""

    def __init__(self, sha256: str, path: Path, found: str) -> None:
        super().__init__(
            f"{path} was altered: its SHA-256, which should be its name, is {found[:16]}…; "
            "restore that file"
        )
        self.sha256 = sha256
        self.path = path
        self.found = found


class InstrumentStore:
    """The folder ``instruments/``. Blocks on the disk: call it before the loop, or beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, content: bytes) -> str:
        """Keep a file for good; returns its SHA-256 once it is on the disk.

        Read it with ``read_index`` first: nothing is checked here. Saving the same content again
        changes nothing, and mends a file that was altered. Raises OSError.
        """
        sha256 = content_hash(content)
        path = self._path(sha256)
        if path.is_file() and content_hash(path.read_bytes()) == sha256:
            return sha256
        self._folder.mkdir(parents=True, exist_ok=True)
        # One fixed name: what a crash leaves behind is overwritten, never collected.
        half = path.with_suffix(".half")
        with half.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
        self._sync_folder()
        return sha256

    def load(self, sha256: str, aliases: Mapping[str, str] | None = None) -> InstrumentIndex:
        """The index over a kept file.

        Raises InstrumentsMissing, InstrumentsAltered, or ImportFault when a file that is what its
        name says is no instrument file.
        """
        content = self.content(sha256)
        return read_index(content, aliases)

    def content(self, sha256: str) -> bytes:
        """The bytes of a kept file, checked against its name.

        Raises InstrumentsMissing, InstrumentsAltered.
        """
        path = self._path(sha256)
        try:
            content = read_content(path)
        except FileNotFoundError:
            raise InstrumentsMissing(sha256, path) from None
        found = content_hash(content)
        if found != sha256:
            raise InstrumentsAltered(sha256, path, found)
        return content

    def _path(self, sha256: str) -> Path:
        if _HASH.fullmatch(sha256) is None:
            raise ValueError(f"not a SHA-256: {sha256[:80]!r}")
        return self._folder / f"{sha256}.csv"

    def _sync_folder(self) -> None:
        """Make the new name durable; Windows cannot open a folder and needs none of it."""
        if os.name == "nt":
            return
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
