"""Applications from PyPI, each served twice: by its server alone, and under loopviz."""
