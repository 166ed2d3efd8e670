"""Other projects' own test suites, bare and with the probe in every loop: `__main__` runs them."""
