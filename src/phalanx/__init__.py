"""Phalanx: one instruction, every account, in step."""

__version__ = "0.1.0"
