"""`python -m tests.sanitize`: the probe's tests on a native core that checks its own memory.

Compiles a copy of this checkout with AddressSanitizer and UndefinedBehaviorSanitizer, and runs
tests/probe and tests/wire on it, in one process, with every Python object in memory of its own.
Eight minutes. Needs gcc, and `pip install cython setuptools`. Exit status 1
if a sanitizer reports anything. A few tests may fail by time alone, and do not count: a server that
does not start in time, a ring that is not written fast enough.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLAGS = "-fsanitize=address,undefined -fno-omit-frame-pointer"
OTHERS = shutil.ignore_patterns(".*", "*.so", "__pycache__", "built_from.txt", "not_built.txt")


def main() -> int:
    """Build, run, and print each report."""
    parser = argparse.ArgumentParser(prog="tests.sanitize", description=__doc__)
    parser.add_argument("tests", nargs="*", default=["tests/probe", "tests/wire"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="loopviz-sanitize-") as scratch:
        copy, reports = Path(scratch, "copy"), Path(scratch, "reports")
        shutil.copytree(ROOT, copy, ignore=OTHERS)
        reports.mkdir()
        environment = {
            **os.environ,
            "CFLAGS": FLAGS,
            "LDFLAGS": FLAGS,
            "PYTHONPATH": str(copy / "src"),  # before what is installed
        }
        subprocess.run([sys.executable, "-c", BUILD], cwd=copy, env=environment, check=True)
        environment |= {
            "LD_PRELOAD": f"{_library('libasan.so')} {_library('libubsan.so')}",
            "ASAN_OPTIONS": f"detect_leaks=0:log_path={reports}/address",  # Python leaks at its end
            "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={reports}/undefined",
            "PYTHONMALLOC": "malloc",
        }
        command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider"]
        tests = subprocess.run([*command, *options.tests], check=False, cwd=copy, env=environment)
        found = sorted(reports.iterdir())
        for report in found:
            print(f"\n== {report.name}\n{report.read_text()}")
    print(f"the sanitizers reported {len(found) or 'nothing'}; pytest's status: {tests.returncode}")
    return int(bool(found) or tests.returncode < 0)


BUILD = """
import shutil, tempfile
from pathlib import Path
import hatch_build as hook
root = Path.cwd()
here = root / hook.FOLDER
with tempfile.TemporaryDirectory() as scratch:
    for path in hook.compile_all(root, Path(scratch)):
        shutil.copy2(path, here)
(here / hook.BUILT_FROM).write_text(hook.digest(here))
"""


def _library(name: str) -> str:
    return subprocess.run(
        ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
