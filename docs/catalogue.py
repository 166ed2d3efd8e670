"""`python docs/catalogue.py [ID …] [--texts]`: run the scenarios, and write `scenarios.md`.

Runs the bug and each fix of every scenario (or of those named) for six seconds each, under the
same arrivals. Stores the figures in `scenarios.json`, and writes `scenarios.md` from them and
from the scenarios' own texts. With `--texts` nothing runs and the figures stay.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import loopviz
from loopviz.engine.headless import measure
from loopviz.lab.catalogue import FixInfo, ScenarioInfo, catalogue, grouped, load_scenario
from loopviz.options import RunOptions
from loopviz.report.document import failed
from loopviz.report.expectations import needed

FOLDER = Path(__file__).parent
PAGE, FIGURES = FOLDER / "scenarios.md", FOLDER / "scenarios.json"
DURATION_S = 6.0

Figures = dict[str, Any]
"""Measured figures by scenario, then by fixes (`a+b`; empty for the bug)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ids", nargs="*", metavar="ID", help="run these only")
    parser.add_argument("--texts", action="store_true", help="run nothing, keep the figures")
    options = parser.parse_args()
    entries = [entry for entry in catalogue() if not entry.error]
    figures = {entry.id: known_figures().get(entry.id, {}) for entry in entries}
    for entry in entries:
        if not options.texts and (not options.ids or entry.id in options.ids):
            figures[entry.id] = dict(figures_of(entry))
            FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    PAGE.write_text(page(entries, figures), "utf-8")


def known_figures() -> Figures:
    return json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}


def figures_of(entry: ScenarioInfo) -> Iterator[tuple[str, Any]]:
    """Runs the bug, each fix that is available here, and the combinations that claims need."""
    claimed = [needed(claim)[0] for claim in load_scenario(entry.path).expect]
    together = [fixes for fixes in dict.fromkeys(claimed) if len(fixes) > 1]
    for fixes in [(), *((fix.key,) for fix in entry.fixes), *together]:
        if any(fix.unavailable for fix in entry.fixes if fix.key in fixes):
            continue
        sys.stderr.write(f"{entry.id} {' + '.join(fixes) or 'bug'}\n")
        options = RunOptions(fixes=fixes, duration_s=DURATION_S)
        yield "+".join(fixes), row(measure(entry.id, options))


def row(report: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of a run: figures of the first route and of `GET /ping`."""
    main, ping = report["load"][0], next(r for r in report["load"] if r["route"] == "GET /ping")
    worst = next(iter(report["findings"]), None)
    return {
        "on": f"loopviz {loopviz.__version__}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores",
        "p50_ms": main["latency_ms"]["p50"],
        "p99_ms": main["latency_ms"]["p99"],
        "ping_p99_ms": ping["latency_ms"]["p99"],
        "sent": main["sent"],
        "failed": failed(main),
        "counters": report.get("counters", {}),
        "finding": f"{worst['rule']} × {worst['count']}" if worst else "",
    }


def page(entries: list[ScenarioInfo], figures: Figures) -> str:
    """The whole page."""
    on = {run["on"] for runs in figures.values() for run in runs.values()}
    return "\n".join(
        [
            "# The scenarios",
            "",
            "*Written by `python docs/catalogue.py`, which runs them all: change the scenarios, "
            "not this page.*",
            "",
            "Each is a small FastAPI module in [`scenarios/`](../scenarios) with a bug and its "
            "fixes side by side. `loopviz run ID` opens one, and its keys turn the fixes on and "
            "off; `loopviz compare ID --fix KEY` measures one without a screen. "
            "[testing.md](testing.md) shows how to catch such bugs in tests.",
            "",
            f"The figures are from real runs of {DURATION_S:g} seconds, bug and fixes under the "
            f"same arrivals ({'; '.join(sorted(on)) or 'none yet'}). Machines differ: trust the "
            "ratios, not the milliseconds.",
            "",
            "## Which one is mine?",
            "",
            "| what you see | loopviz says | what to do | scenario |",
            "|---|---|---|---|",
            *(decision(entry, figures.get(entry.id, {})) for entry in entries),
            *(line for group in grouped(entries) for line in chapter(*group, figures)),
            "",
        ]
    )


def decision(entry: ScenarioInfo, runs: dict[str, Any]) -> str:
    """A row of the table of symptoms."""
    rule = runs.get("", {}).get("finding", "").partition(" ")[0]
    right = next((fix for fix in entry.fixes if not fix.wrong), None)
    return cells(
        entry.symptom or entry.title,
        f"`{rule}`" if rule else "",
        code(right.title) if right else "",
        f"[`{entry.id}`](#{entry.id})",
    )


def chapter(group: str, entries: tuple[ScenarioInfo, ...], figures: Figures) -> Iterator[str]:
    """The scenarios that are about one thing."""
    yield from ("", f"## {group.capitalize()}")
    for entry in entries:
        yield from section(entry, figures.get(entry.id, {}))


def section(entry: ScenarioInfo, runs: dict[str, Any]) -> Iterator[str]:
    """One scenario: what it teaches, its fixes, and what was measured."""
    yield from ("", f"### {entry.id}", "", f"**{entry.title}.** {entry.lesson}", "")
    yield from (f"- {line}" for line in entry.watch_for)
    where = f"; [seen in the wild]({entry.link})" if entry.link else ""
    yield from ("", f"[Its source](../scenarios/{entry.path.name}){where}.")
    yield from ("", *(explained(fix) for fix in entry.fixes))
    if runs:
        yield from ("", *table(entry, runs))


def explained(fix: FixInfo) -> str:
    wrong = " *Looks right but is not.*" if fix.wrong else ""
    return f"- `{fix.key}`: {code(fix.title)}. {fix.why}{wrong}"


def table(entry: ScenarioInfo, runs: dict[str, Any]) -> Iterator[str]:
    """The table of before and after. Columns that are empty in all runs are left out."""
    columns = {
        f"{entry.load[0].name} p50": lambda run: milliseconds(run["p50_ms"]),
        "p99": lambda run: milliseconds(run["p99_ms"]),
        "GET /ping p99": lambda run: milliseconds(run["ping_p99_ms"]),
        "failed": lambda run: f"{run['failed']} of {run['sent']}" if run["failed"] else "",
        **{
            counter.title: lambda run, key=counter.key: str(run["counters"].get(key, ""))
            for counter in entry.counters
        },
        "worst finding": lambda run: run["finding"],
    }
    shown = {name: get for name, get in columns.items() if any(map(get, runs.values()))}
    yield cells("", *shown)
    yield cells("---", *("---:" for _ in shown))
    keys = {fix.key for fix in entry.fixes}
    for fixes, run in runs.items():
        if fixes and not keys.issuperset(fixes.split("+")):
            continue  # measured with a fix that no longer exists
        yield cells(f"`{fixes}`" if fixes else "bug", *(get(run) or "–" for get in shown.values()))


def milliseconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def cells(*texts: str) -> str:
    return "| " + " | ".join(text.replace("|", r"\|") for text in texts) + " |"


if __name__ == "__main__":
    main()
