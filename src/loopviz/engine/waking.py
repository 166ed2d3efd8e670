"""`python waking.py PID`: makes a thread that sleeps in a system call look up.

The thread is stopped and goes on at once (ptrace). That ends its wait as a signal without a handler
does: Python looks whether there is something to do, and waits again. It is a process of its own,
since a thread whose tracer ends is let go by the kernel, whatever has happened.
"""

import ctypes
import os
import sys
import time

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
PATIENCE_S = 1.0


def main(thread: int) -> None:
    """Returns at once where the system does not permit it."""
    ptrace = ctypes.CDLL(None).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if ptrace(SEIZE, thread, None, None) or ptrace(INTERRUPT, thread, None, None):
        return
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if os.waitpid(thread, WALL | os.WNOHANG)[0]:
            ptrace(DETACH, thread, None, None)
            return
        time.sleep(0.001)


if __name__ == "__main__":
    main(int(sys.argv[1]))
