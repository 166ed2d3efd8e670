"""Screens: the main screen, and the boxes over it."""
