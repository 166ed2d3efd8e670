"""Figures over time in bounded memory: histograms and series."""
