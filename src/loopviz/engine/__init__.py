"""Runs: a session of them, their processes and rings, with a screen or without."""
