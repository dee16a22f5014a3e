"""What a look at a whole journal found, and what an export says about it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from phalanx.cli.auditing.exported import Export, read_export
from phalanx.cli.auditing.signing import is_signed
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.journal.verification import Verification, verified


class AuditVerification(msgspec.Struct, frozen=True):
    """``signed``: whether the key that was given made the root's signature; None without a key."""

    found: Verification
    export: Export | None = None
    signed: bool | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong: with the folder, and with the export."""
        return self.found.ok and not any(self._faults())

    def document(self) -> dict[str, object]:
        """All of it, for a program. ``trusted_to``: the last event before which nothing is wrong."""
        said = {**self.found.document(), "ok": self.ok}
        said["trusted_to"] = self.found.report.last.seq
        if self.export is not None:
            said["root"] = self.export.said.root
            said["acts_fit"] = self.export.lines_fit
            said["signature"] = "none" if self.export.said.signature is None else "not checked"
            if self.signed is not None:
                said["signature"] = "good" if self.signed else "bad"
        return said

    def lines(self) -> Iterator[str]:
        """The same for a person."""
        *lines, verdict = self.found.lines()
        yield from lines
        last = self.found.report.last
        if self.found.report.problem is not None:
            yield verdict
            yield f"trusted  to record {last.record}, event {last.seq}; what is wrong begins behind it"
        elif self.export is not None:
            root = self.export.said.root
            yield f"root     record {root.record} with event {root.seq} is there, of {root.time}"
        if self.export is not None:
            yield f"signed   {self._signature(self.export)}"
        yield from self._faults()
        yield "sound" if self.ok else "NOT SOUND"

    def _faults(self) -> Iterator[str]:
        """What is wrong with the export itself."""
        if self.export is not None and self.export.lines_fit is False:
            yield "ALTERED  the export's acts are not those that its root was made of [ALTERED_EXPORT]"
        if self.signed is False:
            yield "FORGED   the root is not signed with this key [BAD_SIGNATURE]"

    def _signature(self, export: Export) -> str:
        signature = export.said.signature
        if signature is None:
            return "no: the root is worth as much as the place where it was kept"
        if self.signed is None:
            return f"with {signature.method}, not checked: say --key"
        return (
            f"with {signature.method}, {'as it should be' if self.signed else 'NOT with this key'}"
        )


def audited_folder(folder: Path, root: Path | None, key: Path | None) -> AuditVerification:
    """Check the whole journal, and that it still has what was exported.

    Raises Failure, also KEY_WITHOUT_ROOT.
    """
    if root is None:
        if key is not None:
            raise Failure(Exit.USAGE, "KEY_WITHOUT_ROOT", "--key checks a --root")
        return AuditVerification(verified(folder))
    export = read_export(root)
    said = export.said
    signed = None
    if key is not None:
        signature = said.signature
        signed = signature is not None and is_signed(said.root.message(), signature, key)
    return AuditVerification(verified(folder, export.seen()), export, signed)
