"""The results as Markdown, between two marks of a file."""

from collections.abc import Iterable
from pathlib import Path

from tests.conformance.compare import Row
from tests.conformance.run import Outcomes

__all__ = ["END", "MARK", "write"]

MARK, END = "<!-- conformance -->", "<!-- /conformance -->"
_HEAD = [
    "| suite | Python | core | tests | bare: passed, failed, skipped "
    "| probed: passed, failed, skipped | fail because of the probe | fail now and then "
    "| loops watched |",
    "|---|---|---|---|---|---|---|---|---|",
]


def write(rows: Iterable[Row], path: Path) -> None:
    """Put the rows into the file; the others stay as they are."""
    text = path.read_text() if path.exists() else ""
    if MARK not in text:
        text += f"\n{MARK}\n{END}\n"
    before, _, rest = text.partition(MARK)
    old, _, after = rest.partition(END)
    kept = {tuple(_cells(line)[:3]): line for line in old.splitlines() if line.startswith("| ")}
    kept.pop(tuple(_cells(_HEAD[0])[:3]), None)
    for row in rows:
        kept[row.suite, row.release, row.core] = _line(row)
    lines = _HEAD + [line for _, line in sorted(kept.items())]
    path.write_text(f"{before}{MARK}\n" + "\n".join(lines) + f"\n{END}{after}")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _line(row: Row) -> str:
    watched = sum(n for what, n in row.probed.probe.items() if what.startswith("watched"))
    cells = (
        row.suite,
        row.release,
        row.core,
        len(row.bare.tests),
        _counts(row.bare),
        _counts(row.probed),
        _names(row.caused),
        _names(row.flaky),
        watched,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def _counts(run: Outcomes) -> str:
    return f"{run.count('passed')}, {len(run.failures())}, {run.count('skipped')}"


def _names(tests: Iterable[str]) -> str:
    return "<br>".join(f"`{test}`".replace("|", "/") for test in tests) or "none"
