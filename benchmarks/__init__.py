"""Measurements against the budgets of the design. Started by hand, never part of the tests.

``python -m benchmarks`` runs all of them and prints a table; with ``--json`` one JSON array.
Numbers are ratios of two things measured in the same run on the same machine (docs/benchmarks.md).
"""
