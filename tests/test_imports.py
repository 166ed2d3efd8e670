"""No file imports itself through others, not even for types alone."""

from graphlib import TopologicalSorter

import grimp


def test_there_is_no_import_circle():
    graph = grimp.build_graph("loopviz", cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle
