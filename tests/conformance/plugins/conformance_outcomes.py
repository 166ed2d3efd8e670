"""A pytest plugin: each test's outcome, a JSON line, as soon as it is known.

`CONFORMANCE_OUTCOMES` names the file to append to, `CONFORMANCE_SKIP` one with the node ids, a
line each, that are not to be run, `CONFORMANCE_ONLY` one with those that alone are.
"""

import json
import os
from pathlib import Path

import pytest

_file = open(os.environ["CONFORMANCE_OUTCOMES"], "a", buffering=1)  # noqa: SIM115 - to the end


def _named_in(variable: str) -> set[str] | None:
    name = os.environ.get(variable)
    return set(Path(name).read_text().splitlines()) if name else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip, only = _named_in("CONFORMANCE_SKIP") or set(), _named_in("CONFORMANCE_ONLY")
    items[:] = [
        item for item in items if item.nodeid not in skip and (only is None or item.nodeid in only)
    ]


def pytest_runtest_logstart(nodeid: str) -> None:
    say(nodeid, "started")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        failed = "failed" if report.when == "call" else "error"
        why = str(report.longrepr)[-6000:] if report.failed else ""
        say(report.nodeid, failed if report.failed else report.outcome, why)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        say(report.nodeid, "error", str(report.longrepr)[-6000:])


def pytest_sessionfinish() -> None:
    say("", "finished")


def say(test: str, outcome: str, why: str = "") -> None:
    _file.write(json.dumps([test, outcome, why]) + "\n")
