"""`python -m tests.e2e.applications [NAME]… [--server NAME]… [--seconds S] [--write]`.

Each application is served alone and under loopviz, side by side, and asked the same. Prints a row
for each server; `--write` puts them into the table of docs/own-program.md. Environments are made
from PyPI the first time, and kept.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path

from tests.e2e.applications.catalogue import APPLICATIONS, COMMON, SERVERS, Application, Server
from tests.e2e.applications.side_by_side import Compared, compare
from tests.support.environments import make_environment, version

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "own-program.md"
FOLDER = Path(tempfile.gettempdir()) / "loopviz-applications"


def main() -> int:
    """Compare what is asked for. Exit status 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="tests.e2e.applications", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(APPLICATIONS))
    parser.add_argument("--server", action="append", choices=SERVERS, help="default: all")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for environments and logs")
    parser.add_argument("--write", action="store_true", help="into the page's table")
    options = parser.parse_args()
    differ = 0
    for name in options.names or APPLICATIONS:
        application, home = APPLICATIONS[name], options.folder / f"side-{name}"
        if why := make_environment(home, (*COMMON, *application.requirements)):
            print(f"{name}: its environment could not be made ({why}).")
            differ += 1
            continue
        for server in map(SERVERS.__getitem__, options.server or SERVERS):
            found = compare(application, server, home, home, options.seconds)
            row = row_of(application, server, version(home, name), found)
            print(row, flush=True)
            for line in (*found.unlike, *found.errors):
                print("   ", line[:1000])
            if not found.same_end:
                print("    ends:", *found.ends, found.said[-2000:], sep="\n        ")
            differ += bool(found.unlike or found.errors or not found.same_end)
            if options.write:
                write(row)
    return int(differ > 0)


def row_of(application: Application, server: Server, installed: str, found: Compared) -> str:
    """A row of the page's table."""
    sockets = sum(count for asked, count in found.asked.items() if asked.startswith("WS"))
    answers = sum(found.asked.values())
    told = sorted({finding["rule"] for finding in found.report.get("findings", ())})
    cells = (
        f"{application.name} {installed}",
        server.name,
        f"{answers:,}" + (f", {sockets:,} of them WebSockets" if sockets else ""),
        f"{len(found.unlike) or 'none'}",
        f"{len(found.errors) or 'none'}",
        "the same" if found.same_end else "**differs**",
        str(found.report.get("probe", {}).get("level", "–")),
        f"{found.cpu_ms[0]} / {found.cpu_ms[1]}",
        ", ".join(f"`{rule}`" for rule in told) or "none",
    )
    return f"| {' | '.join(cells)} |"


def write(row: str) -> None:
    """Replace the row of that application and server, or add it."""
    text = PAGE.read_text()
    name, server = (cell.strip() for cell in row.split("|")[1:3])
    first, _, rest = text.partition("<!-- applications -->\n")
    table, end, rest = rest.partition("<!-- /applications -->")
    rows = table.splitlines()
    mine = re.compile(rf"\| {re.escape(name.split()[0])} \S+ \| {re.escape(server)} \|")
    kept = rows[:2] + sorted([*(one for one in rows[2:] if not mine.match(one)), row])
    PAGE.write_text(f"{first}<!-- applications -->\n" + "\n".join(kept) + f"\n{end}{rest}")


if __name__ == "__main__":
    sys.exit(main())
