"""Widgets that show prepared lines."""
