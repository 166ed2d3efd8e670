"""The `loopviz` command, without a terminal."""

import subprocess
import sys


def loopviz(*words, **options):
    """Run the command without a terminal, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "loopviz", *words],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )
