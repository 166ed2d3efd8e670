"""The wheel as a user gets it: scenarios inside, working outside the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
def test_the_wheel_brings_its_scenarios(tmp_path):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, CHECKOUT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        file.extractall(site)  # as pip does
    assert "loopviz/_scenarios/block.py" in names
    assert not [name for name in names if name.startswith(("tests/", "scenarios/"))]
    said = subprocess.run(
        [sys.executable, "-m", "loopviz", "bench", "block", "--duration", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "at scenarios/block.py:" in said.stdout
