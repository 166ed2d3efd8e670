"""A run as a document: built from its totals, rendered in several formats."""
