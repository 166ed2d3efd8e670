"""The command line: what each command does, and where an error becomes one sentence."""
