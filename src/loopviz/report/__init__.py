"""A run as a document: built from the models, and rendered for people."""
