"""How a run was asked for."""

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True):
    """``folder``: where journals are written, on the disk to be measured. ``history``: orders of
    the past in the engine's benchmark; ``changes``: order changes in the replayed journal.
    """

    folder: Path
    quick: bool = False
    history: int = 100_000
    changes: int = 1_000_000

    def rounds(self, full: int) -> int:
        """How many rounds, where a full run takes ``full``."""
        return max(3, full // 5) if self.quick else full

    def size(self, full: int) -> int:
        """How much of something, where a full run takes ``full``."""
        return max(1, full // 10) if self.quick else full
