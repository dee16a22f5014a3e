"""The shell around the engine: intake, group commit, firing lanes, the gate, start-up, the stream.

Everything here runs on one event loop. Time, chance, disk and network come in through ports.
"""
