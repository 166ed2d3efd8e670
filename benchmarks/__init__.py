"""What loopviz costs, measured: `python -m benchmarks` runs all and rewrites `README.md` here."""
