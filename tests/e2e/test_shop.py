"""The example of a program of one's own: each planted fault is found, and nothing in its twin."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.e2e.command import loopviz

pytestmark = [pytest.mark.applications, pytest.mark.timeout(120)]

SHOP = Path(__file__).parents[2] / "examples" / "shop"
FAULTS = {
    ("slow-callback", "accounts.py", "hashlib.scrypt("),
    ("deadlock", "orders.py", "await session.execute"),
    ("never-awaited", "orders.py", "send_receipt(item)  #"),
    ("slot-leaked", "prices.py", "await slots.acquire()"),
    ("slot-leaked", "prices.py", "await client.send("),
    ("worker-died", "exports.py", "raise ValueError("),
    ("loop-spins", "sales.py", "await asyncio.sleep(0)"),
}


def bench(folder):
    """The report on the shop in that folder, with the words of its README."""
    words = re.findall(r'--load "(.*?)"', (SHOP / "README.md").read_text())
    load = [word for each in words for word in ("--load", each)]
    said = loopviz(
        *("bench", "shop.main:app", "--app-dir", str(folder), "--python", sys.executable),
        *("--port", "0", "--loop", "asyncio", "--duration", "10", "--json", "-", *load),
    )
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def errors(report, folder):
    """Of each error its rule, its file, and its line's text."""
    for finding in report["findings"]:
        if finding["severity"] == "error":
            where = finding["location"]
            file = folder / "shop" / Path(where["file"]).name
            yield finding["rule"], file.name, file.read_text().splitlines()[where["line"] - 1]


def test_each_fault_is_found_at_its_line():
    found = list(errors(bench(SHOP), SHOP))
    missing = [
        fault
        for fault in FAULTS
        if not any((rule, file) == fault[:2] and fault[2] in line for rule, file, line in found)
    ]
    assert not missing
    assert len(found) == len(FAULTS)


def test_the_twin_has_none():
    assert not list(errors(bench(SHOP / "repaired"), SHOP / "repaired"))
