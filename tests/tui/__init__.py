"""Tests of the terminal interface: built snapshots in, text out. No process, no real time."""
