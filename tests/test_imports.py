"""No file imports itself through others, not even for types alone."""

from graphlib import TopologicalSorter

import grimp
import pytest


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("loopviz", cache_dir=None)


@pytest.mark.parametrize(
    "room", ["cli", "engine", "report", "lab", "model", "probe", "wire", "parts", "testing"]
)
def test_there_is_no_import_circle(graph, room):
    inside = {f"loopviz.{room}", *graph.find_descendants(f"loopviz.{room}")}
    imports = {
        module: graph.find_modules_directly_imported_by(module) & inside for module in inside
    }
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle
