"""Writing an export: the acts of a journal, line by line, and its root."""

import csv
from collections.abc import Iterator
from hashlib import sha256
from io import StringIO
from pathlib import Path

import msgspec

from phalanx.cli.auditing.exported import ActLine, Root, RootLine
from phalanx.cli.auditing.signing import sign
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.files import whole_file, write_whole
from phalanx.cli.journal.past import unreadable
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import Nanoseconds, iso
from phalanx.journal.errors import JournalError
from phalanx.journal.record import START, Tail
from phalanx.market.cells import neutralized
from phalanx.views.audited import Audited

ROOT_SUFFIX = ".root"
"""A CSV has no place for the root: it is in a file beside it, which has this name after its own."""


class Period(msgspec.Struct, frozen=True):
    """Which acts, by wall time, both included; None: from the first, to the last."""

    since: Nanoseconds | None = None
    until: Nanoseconds | None = None

    def has(self, time: Nanoseconds) -> bool:
        """Whether an act of that time is in it."""
        return (self.since is None or time >= self.since) and (
            self.until is None or time <= self.until
        )


def export(
    folder: Path, out: Path, period: Period, now: Nanoseconds, *, as_csv: bool, key: Path | None
) -> RootLine:
    """Write the acts of a data folder and its root, in one file, or as CSV in two; the root it has.

    Raises Failure, also with the journal's code: then no file has changed its name.
    """
    form = _csv_line if as_csv else _json_line
    digest, acts, tail = sha256(), 0, START
    with whole_file(out) as write:

        def put(line: bytes) -> None:
            digest.update(line)
            write(line)

        if as_csv:
            put(_cells(ActLine.__struct_fields__))
        for at, line in _act_lines(folder, period):
            tail = at
            if line is not None:
                acts += 1
                put(form(line))
        end = (tail.epoch, tail.record, tail.seq, tail.chain.hex())
        root = Root(*end, _iso(now), acts, digest.hexdigest())
        said = RootLine(root, None if key is None else sign(root.message(), key))
        last = msgspec.json.encode(said) + b"\n"
        if not as_csv:
            write(last)
    if as_csv:
        write_whole(out.with_name(out.name + ROOT_SUFFIX), last.decode())
    return said


def _act_lines(folder: Path, period: Period) -> Iterator[tuple[Tail, ActLine | None]]:
    """Each act with where its record ends, and each record without one. Raises Failure."""
    from phalanx import bootstrap

    try:
        for tail, acts in bootstrap.audit_trail(folder):
            yield tail, None
            for seq, act in acts:
                if period.has(act.time_ns):
                    yield tail, _line(tail, seq, act)
    except JournalError as error:
        raise Failure(Exit.FAILURE, error.code, error.message) from None
    except msgspec.DecodeError as error:
        raise unreadable(folder, error) from None


def _line(tail: Tail, seq: int, act: Audited) -> ActLine:
    origin = act.origin
    return ActLine(
        tail.record,
        seq,
        tail.chain.hex(),
        _iso(act.time_ns),
        origin.actor,
        origin.address,
        origin.door.value,
        act.act,
        act.subject,
        act.detail,
        origin.request_id,
        act.count,
        _iso(act.first_ns or act.time_ns),
    )


def _iso(time: Nanoseconds) -> str:
    return iso(time, RiskSettings().zone_offset_s)


def _json_line(line: ActLine) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _csv_line(line: ActLine) -> bytes:
    return _cells(msgspec.structs.astuple(line))


def _cells(values: tuple[str | int, ...]) -> bytes:
    file = StringIO()
    cells = (neutralized(one) if isinstance(one, str) else one for one in values)
    csv.writer(file, lineterminator="\r\n").writerow(cells)
    return file.getvalue().encode()
