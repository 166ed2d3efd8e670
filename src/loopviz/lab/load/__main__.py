"""`python -m loopviz.lab.load --out-fd N [--run-dir PATH]`: the load in a process of its own.

Its input is its life line. When that ends the parent is gone: a thread sees it, even while the
loop is busy, removes the run's folder and ends the process.
"""

import argparse
import asyncio
import contextlib
import os
import queue
import shutil
import signal
import threading
from pathlib import Path

from loopviz.errors import LoopvizError, WireError
from loopviz.lab.load.config import LoadConfig, Orders
from loopviz.lab.load.outbox import Outbox
from loopviz.lab.load.precise_loop import idle_clock, new_loop
from loopviz.wire.control import Failed, Quit, decode

OPEN_FILES = 4_096


def main() -> int:
    """Run until a message says to quit. Returns the exit code: 0, or that of the error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parser = argparse.ArgumentParser(prog="python -m loopviz.lab.load", description=__doc__)
    parser.add_argument("--out-fd", type=int, required=True, help="where messages go")
    parser.add_argument("--run-dir", type=Path, help="to be removed if the parent is gone")
    arguments = parser.parse_args()

    orders: Orders = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(orders, arguments.run_dir), daemon=True)
    reader.start()
    outbox = Outbox(arguments.out_fd)
    from loopviz.lab.load.runner import run  # noqa: PLC0415 - imported while the configuration is on its way

    _allow_open_files()
    try:
        config = _first(orders)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            outbox.idle = idle_clock(runner.get_loop())
            runner.run(run(config, orders, outbox))
    except LoopvizError as error:
        outbox.send(Failed(why=str(error)))
        return error.exit_code
    return 0  # never: `_read` ends the process


def _first(orders: Orders) -> LoadConfig:
    """Wait for the configuration. Raises LoopvizError if it is wrong, or something else comes."""
    match orders.get():
        case LoadConfig() as config:
            config.check()
            return config
        case WireError() as error:
            raise error
        case other:
            raise LoopvizError(f"The load's first message must be its LoadConfig, not {other!r}.")


def _read(orders: Orders, run_dir: Path | None) -> None:
    """Pass orders on; end the process at `Quit`, and when there can be no more."""
    with open(0, "rb", closefd=False) as stdin:
        for line in stdin:
            try:
                message = decode(line)
            except WireError as error:
                orders.put(error)
                continue
            if isinstance(message, Quit):
                os._exit(0)
            orders.put(message)
    if run_dir is not None:
        shutil.rmtree(run_dir, ignore_errors=True)
    os._exit(0)


def _allow_open_files() -> None:
    """Room for a socket per request in flight; some systems start with 256."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 (Windows has none)

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        unlimited = resource.RLIM_INFINITY
        wanted = OPEN_FILES if hard == unlimited else min(OPEN_FILES, hard)
        if soft != unlimited and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    raise SystemExit(main())
