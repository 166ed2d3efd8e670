"""Makes `loopviz` importable in a program, from where the tool is installed.

Nothing else of the tool's environment becomes so: no package of it shadows one of the program's.
"""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location


def enter() -> None:
    """Import the tool's `loopviz`, unless the program has one of its own already."""
    if "loopviz" in sys.modules:
        return
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - pathlib costs start-up
    spec = spec_from_file_location(
        "loopviz",
        f"{package}/__init__.py",
        submodule_search_locations=[package],
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules["loopviz"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["loopviz"])
