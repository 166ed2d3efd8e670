"""`python -m tests.applications [NAME]…`: real applications under the probe, and what it finds.

Each application gets an environment of its own (from PyPI, the first time), is served by loopviz
and measured for 20 s. The findings are printed with their lines. Whether they are true, a person
has to judge by reading the application's code: docs/applications.md has the judgements.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.environments import make_environment

ROOT = Path(__file__).parents[2]
APPS = Path(__file__).with_name("apps")
REQUIREMENTS = {
    "datasette": ["datasette==0.65.*"],
    "django": ["django==6.*; python_version>='3.12'", "django==5.*; python_version<'3.12'"],
    "fastmcp": ["fastmcp==4.*"],
    "sqladmin": ["sqladmin[full]==0.32.*"],
    "strawberry": ["strawberry-graphql[fastapi]==0.*"],
}


def main() -> int:
    """Measure what is asked for. Exit status 1 if one could not be measured."""
    parser = argparse.ArgumentParser(prog="tests.applications", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(REQUIREMENTS))
    parser.add_argument("--duration", type=float, default=20.0, metavar="S")
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "loopviz-applications",
        help="for environments and reports; kept for the next time",
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(REQUIREMENTS):
        parser.error(f"no application is called {', '.join(unknown)}")
    failed = 0
    for name in options.names or REQUIREMENTS:
        print(f"\n== {name}", flush=True)
        home = options.folder / name
        if why := make_environment(home, ["-e", str(ROOT), *REQUIREMENTS[name]], options.python):
            print(f"Skipped: its environment could not be made ({why}).")
            continue
        failed += _measure(home, name, options.duration)
    return int(failed > 0)


def _measure(home: Path, name: str, duration_s: float) -> int:
    port = _free_port()
    command = [home / "bin" / "python", "-m", "loopviz", "bench", f"{name}_app"]
    command += ["--scenarios", APPS, "--port", port, "--duration", duration_s]
    command += ["--json", home / "report.json"]
    env = {**os.environ, "LOOPVIZ_URL": f"http://127.0.0.1:{port}"}
    return subprocess.run([str(word) for word in command], env=env, check=False).returncode


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
