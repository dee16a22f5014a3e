"""How a run was asked for."""

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True):
    """``folder``: where journals are written, on the disk to be measured. ``history``: orders of
    the past in the engine's benchmark; ``changes``: order changes in the replayed journal.
    ``quick``: fewer rounds, and everything so many times smaller as ``shrink`` says.
    """

    folder: Path
    quick: bool = False
    history: int = 1_000_000
    changes: int = 1_000_000
    shrink: int = 10

    def rounds(self, full: int) -> int:
        """How many rounds, where a full run takes ``full``."""
        return max(3, full // 5) if self.quick else full

    def size(self, full: int) -> int:
        """How much of something, where a full run takes ``full``."""
        return max(1, full // self.shrink) if self.quick else full
