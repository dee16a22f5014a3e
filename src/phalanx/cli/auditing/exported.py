"""What an export is: lines of acts, and a root that says how far the journal was; written and read again.

One JSON document a line. A line of an act names the record that holds it and that record's chain hash, so
that an export can be held against the journal line by line; the last line has the root.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from phalanx.cli.auditing.signing import Signature
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.journal.verify import Seen

Decoded = TypeVar("Decoded")

LINE_BYTES_MAX: Final = 64 * 1024
_ROOT: Final = b'{"root":'
_Number: TypeAlias = Annotated[int, Meta(ge=0)]
_Hash: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class ActLine(msgspec.Struct, frozen=True):
    """An act, and where the journal has it."""

    record: _Number
    seq: _Number
    chain: _Hash
    time: str
    actor: str
    address: str
    door: str
    act: str
    subject: str
    detail: str
    request_id: str
    count: int
    first: str


class Root(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the journal ended when it was exported, and what was exported: so many acts, in lines (or in a
    CSV) of this hash. ``time``: of the export.
    """

    epoch: _Number
    record: _Number
    seq: _Number
    chain: _Hash
    time: str
    acts: _Number
    acts_sha256: _Hash

    def message(self) -> bytes:
        """What is signed: its JSON, as it stands in the line."""
        return msgspec.json.encode(self)


class RootLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last line. Without a signature it is worth as much as the place where it is kept."""

    root: Root
    signature: Signature | None = None


_act_line: Final = msgspec.json.Decoder(ActLine)
_root_line: Final = msgspec.json.Decoder(RootLine)


class Export(msgspec.Struct, frozen=True):
    """An export that was read. ``lines_fit``: whether its acts are those of its root; None: it has the root
    alone.
    """

    path: Path
    said: RootLine
    lines_fit: bool | None

    def seen(self) -> Iterator[Seen]:
        """What it knows of the journal, in the order of the records. Raises Failure as `read_export`."""
        for number, line in _lines(self.path):
            if not line.startswith(_ROOT):
                act = _decoded(_act_line, line, self.path, number)
                yield Seen(act.record, act.seq, bytes.fromhex(act.chain))
        root = self.said.root
        if root.record:
            yield Seen(root.record, root.seq, bytes.fromhex(root.chain))


def read_export(path: Path) -> Export:
    """What the file says, read once. Raises Failure FILE_NOT_READABLE, BAD_ROOT."""
    digest, acts, at = sha256(), 0, 0
    said: RootLine | None = None
    for number, line in _lines(path):
        if said is not None:
            raise _bad(path, number, "there is something behind the root")
        if line.startswith(_ROOT):
            said = _decoded(_root_line, line, path, number)
            continue
        act = _decoded(_act_line, line, path, number)
        if act.record < at:
            raise _bad(path, number, f"record {act.record} stands behind {at}")
        at = act.record
        acts += 1
        digest.update(line)
    if said is None:
        raise _bad(path, 0, "it has no root: its end is missing")
    root = said.root
    if at > root.record:
        raise _bad(path, 0, f"record {at} is behind its root, {root.record}")
    fit = (acts, digest.hexdigest()) == (root.acts, root.acts_sha256) if acts else None
    return Export(path, said, fit)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers from 1. Raises Failure FILE_NOT_READABLE, BAD_ROOT."""
    number = 0
    try:
        with path.open("rb") as file:
            while line := file.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(line) > LINE_BYTES_MAX:
                    raise _bad(path, number, "too long")
                yield number, line
    except OSError as error:
        detail = f"{path}: {error.strerror or error}"
        raise Failure(Exit.USAGE, "FILE_NOT_READABLE", detail) from None


def _decoded(
    decoder: msgspec.json.Decoder[Decoded], line: bytes, path: Path, number: int
) -> Decoded:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _bad(path, number, str(error)) from None


def _bad(path: Path, number: int, why: str) -> Failure:
    where = f"{path} line {number}" if number else str(path)
    return Failure(Exit.USAGE, "BAD_ROOT", f"{where}: {why}")
