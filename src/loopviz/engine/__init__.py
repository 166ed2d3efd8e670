"""Runs scenarios: sessions, target and load processes, rings, with a screen or without."""
