"""The guard: a tiny process that cleans up if the terminal process dies without doing so.

It is told of the process groups that were started and of the run's folder, a line each, on its
standard input: `group 4711`, `forget 4711`, `folder /run/…`. When that pipe ends, be it because
the terminal process was killed, it gives the children a moment to go by themselves (they notice,
too), then kills their groups and removes the folder. Run as a file, without site packages, so
that it costs next to nothing.
"""

import contextlib
import os
import shutil
import signal
import sys
import time

__all__ = ["main"]

GRACE_S = 1.2


def main() -> None:
    """Follow standard input to its end, then clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it goes last
    groups: set[int] = set()
    folders: set[str] = set()
    for line in sys.stdin:
        word, _, value = line.rstrip("\n").partition(" ")
        if word == "group":
            groups.add(int(value))
        elif word == "forget":
            groups.discard(int(value))
        elif word == "folder":
            folders.add(value)
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline and any(_exists(group) for group in groups):
        time.sleep(0.05)
    for group in filter(_exists, groups):
        os.killpg(group, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another loopviz still lives there
            os.rmdir(os.path.dirname(folder))  # noqa: PTH106, PTH120 - pathlib would cost start-up


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
