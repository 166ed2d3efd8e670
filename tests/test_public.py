"""The public surface: every `__all__` is true, and what must be cheap to import is."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import loopviz

MODULES = [
    info.name
    for info in pkgutil.walk_packages(loopviz.__path__, "loopviz.")
    if not info.name.endswith("__main__") and "._scenarios" not in info.name
]


@pytest.mark.parametrize("name", MODULES)
def test_every_name_in_all_is_there(name):
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", []):
        assert hasattr(module, public), f"{name}.{public}"


def imported_by(statement):
    said = subprocess.run(
        [sys.executable, "-c", f"import sys; {statement}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in said.stdout.split()}


@pytest.mark.parametrize(
    ("statement", "never"),
    [
        ("import loopviz; loopviz.install", {"textual", "fastapi", "numpy", "httpx", "typer"}),
        ("import loopviz.parts", {"textual", "fastapi", "numpy", "httpx", "typer"}),
        ("import loopviz.engine.session", {"textual", "fastapi", "httpx", "uvicorn", "rich"}),
        ("import loopviz.tui.app", {"fastapi", "httpx", "uvicorn"}),
        ("import loopviz.lab.target.__main__", {"textual", "numpy", "httpx", "typer"}),
        ("import loopviz.lab.load.__main__", {"textual", "numpy", "fastapi", "uvicorn", "typer"}),
    ],
)
def test_a_process_imports_only_what_it_needs(statement, never):
    assert not imported_by(statement) & never
