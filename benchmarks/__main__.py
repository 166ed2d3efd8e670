"""`python -m benchmarks [PART]… [--python PATH]…`: measure, and rewrite the tables of README.md.

Parts: callback, request, frameworks (those that are installed), uvloop, decode, load, screen,
memory (ten minutes); all by default.
`--python` names further interpreters for the first two: those of environments into which loopviz is
installed with its `test` extra.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import uvloop

from benchmarks import callback, decode, load, request, screen

HERE = Path(__file__).parent
PARTS = ("callback", "request", "frameworks", "uvloop", "decode", "load", "screen", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--python", action="append", default=[], metavar="PATH")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users start what is compiled already
    for part in options.parts or PARTS:
        print(f"{part} …", file=sys.stderr)
        table = {
            "callback": lambda: _callback(options.python),
            "request": lambda: _request(options.python),
            "frameworks": _frameworks,
            "uvloop": _uvloop,
            "decode": _decode,
            "load": _load,
            "screen": _screen,
            "memory": _memory,
        }[part]()
        print(table)
        _put(part, table)


def _put(part: str, table: str) -> None:
    """Between the part's markers in README.md."""
    readme = HERE / "README.md"
    text = readme.read_text()
    begin, end = f"<!-- {part} -->\n", f"<!-- /{part} -->"
    head, rest = text.split(begin)
    tail = rest.split(end, 1)[1]
    about = Path("/proc/cpuinfo").read_text().split("\n")
    cpu = next((line.split(":")[1].strip() for line in about if "model name" in line), "")
    when = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({cpu}), {platform.system()}, "
    readme.write_text(
        f"{head}{begin}{table}\n\n{when}CPython {platform.python_version()}\n{end}{tail}"
    )


def _callback(pythons: list[str]) -> str:
    results = [callback.measure()]
    for python in pythons:
        said = subprocess.run(
            [python, HERE / "callback.py"],
            env={**os.environ, "PYTHONPATH": str(HERE.parent / "src")},
            capture_output=True,
            check=True,
        )
        results.append(json.loads(said.stdout))
    lines = [
        "| Python | bare ns | probed ns | added ns | ratio |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['python']} | {r['bare_ns']:.0f} | {r['probed_ns']:.0f} | {r['added_ns']:.0f} "
        f"| ×{r['ratio']:.2f} |"
        for r in results
    ]
    return "\n".join(lines)


def _request(pythons: list[str]) -> str:
    lines = [
        "| Python | endpoint | bare µs | probed µs | ratio | budget |",
        "|---|---|---|---|---|---|",
    ]
    for path, budget in (("/noop", "×1.02"), ("/yield10", "×0.98"), ("/all", "×1.08")):
        for python in (sys.executable, *pythons):
            r = request.measure(path, python)
            lines.append(
                f"| {r['python']} | {path} | {r['bare_us']:.0f} | {r['probed_us']:.0f} "
                f"| ×{r['ratio']:.3f} | {budget} |"
            )
    return "\n".join(lines)


def _frameworks() -> str:
    lines = ["| framework | bare µs | probed µs | ratio | budget |", "|---|---|---|---|---|"]
    for name in ("quart", "django", "litestar", "aiohttp"):
        try:
            installed = version(name)
        except PackageNotFoundError:
            lines.append(f"| {name} | not installed | | | |")
            continue
        r = request.measure("/noop", framework=name)
        lines.append(
            f"| {name} {installed} | {r['bare_us']:.0f} | {r['probed_us']:.0f} "
            f"| ×{r['ratio']:.3f} | ×1.05 |"
        )
    return "\n".join(lines)


def _uvloop() -> str:
    r = callback.measure(uvloop.new_event_loop)
    lines = [
        "| what | bare | probed | ratio | budget |",
        "|---|---|---|---|---|",
        f"| a callback | {r['bare_ns']:.0f} ns | {r['probed_ns']:.0f} ns | ×{r['ratio']:.2f} "
        "| ×1.30 |",
    ]
    for path in ("/noop", "/yield10"):
        r = request.measure(path, loop="uvloop")
        lines.append(
            f"| {path} | {r['bare_us']:.0f} µs | {r['probed_us']:.0f} µs | ×{r['ratio']:.3f} "
            "| ×1.06 |"
        )
    return "\n".join(lines)


def _decode() -> str:
    r = decode.measure()
    return (
        "| what | per second | budget |\n|---|---|---|\n"
        f"| ring records decoded | {r['records_per_s']:,.0f} | 1,000,000 |\n"
        f"| plain requests through the whole model | {r['events_per_s']:,.0f} events | 200,000 |\n"
        "| the same with waits, resources, calls "
        f"| {r['rich_events_per_s']:,.0f} events | 200,000 |\n\n"
        "Memory that the model takes at 20,000 events/s: "
        f"{r['rss_mb'][0]:.0f} MB after a minute, {r['rss_mb'][-1]:.0f} MB after ten."
    )


def _load() -> str:
    lines = [
        "| asked/s | sent/s | late p50 | late p99 | latency p50 | latency p99 | busy "
        "| CPU per request |",
        "|---|---|---|---|---|---|---|---|",
    ]
    beside = [
        "| rate | open loop | endpoint's clock | closed loop | wrk |",
        "|---|---|---|---|---|",
    ]
    with load.endpoint() as port:
        for rps in load.RATES:
            r = load.rate(port, rps)
            lines.append(
                f"| {rps:,} | {r['sent']:,.0f} | {r['late_p50_ms']:.2f} ms "
                f"| {r['late_p99_ms']:.2f} ms | {r['p50_ms']:.2f} ms | {r['p99_ms']:.2f} ms "
                f"| {r['busy']:.0%} | {r['cpu_us']:.0f} µs |"
            )
        for rps in load.RATES:
            took = map(_took, load.at_wait(port, rps).values())
            beside += [f"| {rps:,} | " + " | ".join(took) + " |"]
        spent = load.clients(port)
    lines += ["", *beside, ""]
    lines += ["| client, 32 requests in flight | CPU per request |", "|---|---|"]
    lines += [f"| {name} | {us:.0f} µs |" for name, us in spent.items()]
    return "\n".join([*lines, "", f"Machine load: {os.getloadavg()[0]:.1f}."])


def _took(figures: dict[str, float]) -> str:
    """`1,000/s, 20.3, 21.0 ms`; of wrk, where it is not installed, a dash."""
    if not figures:
        return "–"
    rate = f"{figures['sent']:,.0f}/s, " if "sent" in figures else ""
    return f"{rate}{figures['p50_ms']:.1f}, {figures['p99_ms']:.1f} ms"


def _screen() -> str:
    start, toggled = screen.starts(), screen.toggle()
    lines = [
        "| what | measured | budget |",
        "|---|---|---|",
        f"| process start to first frame (median of 5) | {start['first_frame_s']:.2f} s | 0.7 s |",
        f"| process start to live data (median of 5) | {start['live_s']:.2f} s | 2.5 s |",
        f"| fix's key to its tick | {toggled['toggle_ms']:.0f} ms | 300 ms |",
    ]
    for columns, rows, budget in _SIZES:
        size = f"{columns}×{rows}"
        for scenario in ("block", "dbpool", "race"):
            s = screen.steady(columns, rows, scenario)
            lines.append(
                f"| UI CPU at up to 15 fps, {size}, `{scenario}` | {s['cpu']:.1%} of a core, "
                f"{s['kb_per_s']:.0f} kB/s, {s['rss_mb']:.0f} MB | {budget} |"
            )
        for what, words in _KEYS.items():
            k = screen.keys(columns, rows, *words)
            lines.append(
                f"| key to repaint, {size}, {what} | p50 {k['p50_ms']:.0f} ms, "
                f"p99 {k['p99_ms']:.0f} ms | p99 30 ms |"
            )
        k = screen.keys(columns, rows, "block", link=screen.LINK)
        lines.append(
            f"| key to repaint, {size}, on a 300 kB/s link | p50 {k['p50_ms']:.0f} ms, "
            f"p99 {k['p99_ms']:.0f} ms | p99 150 ms |"
        )
    return "\n".join(lines)


_SIZES = ((80, 24, "8 %"), (160, 50, "12 %, 150 kB/s"), (200, 60, "18 %"))
"""Columns, lines, and what the UI may take at that size."""

_KEYS = {
    "the loop idle": ("block", "--fix", "async_library", "--rate", "0.25"),
    "the loop blocked (`block`)": ("block",),
    "5,000 events/s": screen.BUSY,
}


def _memory() -> str:
    """Ten minutes."""
    seen = screen.memory()
    at = {round(minutes): mb for minutes, mb in seen}
    return (
        f"The UI process at 160×50 and 5,000 events/s: {at[1]:.0f} MB after a minute, "
        f"{at[5]:.0f} MB after five, {at[10]:.0f} MB after ten (budget: 150 MB)."
    )


if __name__ == "__main__":
    main()
