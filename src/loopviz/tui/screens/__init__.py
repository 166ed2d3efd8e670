"""What fills the terminal: the live screen, the scenario picker, the help."""
