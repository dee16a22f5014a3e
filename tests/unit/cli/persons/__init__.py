"""Tests of the commands about what waits for another person."""
