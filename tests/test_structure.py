"""What holds for all source files: no import circles, and a public class has a name of its own."""

import ast
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

import loopviz


def test_there_is_no_import_circle():
    """Not even for types alone."""
    graph = grimp.build_graph("loopviz", cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_no_two_public_classes_have_one_name():
    names = Counter(
        node.name
        for path in Path(loopviz.__file__).parent.rglob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []
