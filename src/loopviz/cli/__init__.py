"""The command line: its commands, and errors as one sentence each."""
