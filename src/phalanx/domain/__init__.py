"""The words of Phalanx: pure values, no I/O, no clock, no randomness.

Every other room imports from here and this room imports nothing of ours.
"""
