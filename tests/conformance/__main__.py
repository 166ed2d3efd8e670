"""`python -m tests.conformance`: other people's test suites, with and without the probe.

Runs CPython's own asyncio tests, anyio's, uvicorn's and Starlette's, bare and with the probe in
every event loop, and writes the table in docs/probe.md. About a quarter of an hour for each
interpreter; needs PyPI the first time. Exit status 1 if a test fails because of the probe.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.conformance.compare import Row, compare
from tests.conformance.environment import prepare
from tests.conformance.suites import SUITES
from tests.conformance.table import write

_ROOT = Path(__file__).parents[2]


def main() -> int:
    """Run what is asked for; the number of defects decides the exit status."""
    parser = argparse.ArgumentParser(prog="tests.conformance", description=__doc__)
    parser.add_argument(
        "--python",
        action="append",
        type=Path,
        help="an interpreter (default: this one); may be repeated",
    )
    parser.add_argument(
        "--suite", action="append", choices=[suite.name for suite in SUITES], help="default: all"
    )
    parser.add_argument(
        "--to", type=Path, default=_ROOT / "docs" / "probe.md", help="the file with the table"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "loopviz-conformance",
        help="for environments, distributions and logs; kept for the next time",
    )
    parser.add_argument("--pure", action="store_true", help="with the Python core")
    parser.add_argument(
        "--reuse-bare", action="store_true", help="take the bare outcomes of the last time"
    )
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the suites' processes end with us
    rows: list[Row] = []
    for interpreter in options.python or [Path(sys.executable)]:
        where = prepare(interpreter, options.folder)
        for suite in SUITES:
            if not options.suite or suite.name in options.suite:
                rows.append(compare(suite, where, pure=options.pure, reuse_bare=options.reuse_bare))
                print(rows[-1].summary(), flush=True)
                write(rows, options.to)
    return int(any(row.caused for row in rows))


if __name__ == "__main__":
    sys.exit(main())
