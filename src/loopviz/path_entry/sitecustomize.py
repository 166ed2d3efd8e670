"""Python runs this at start-up in each process of a program that loopviz has started.

Or of one that was started with `LOOPVIZ=1`, so that a loopviz can attach to it later.

Its folder is on the program's `PYTHONPATH`, and leaves `sys.path` at once, so the program finds
nothing of it there. `loopviz` becomes importable from where the tool is installed, and nothing else
of that environment does. Then the `sitecustomize` that this one shadows runs, if there is one.

asyncio is not imported here: whatever happens in a process, it is watched once it imports asyncio.
"""

import os
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs start-up


STARTED = os.getpid()


def enter() -> None:
    """Make `loopviz` importable, and let the probe begin when asyncio has been imported."""
    entry = import_module("_loopviz_entry")  # from this folder, which is on the path only now
    del sys.modules["_loopviz_entry"]
    entry.enter()
    from loopviz.import_watch import ImportWatch  # noqa: PLC0415 - it was not importable before

    ImportWatch(("asyncio",), lambda _asyncio: guarded(begin)).start()
    if "LOOPVIZ_CONTROL" in os.environ:
        ImportWatch(("trio",), lambda trio: guarded(lambda: watch_trio(trio))).start()


def begin() -> None:
    """Watch the loops of this process, or let a loopviz do so later."""
    from loopviz.probe import attachable  # noqa: PLC0415

    if "LOOPVIZ_CONTROL" not in os.environ:
        attachable.begin()
        return
    from loopviz.probe import startup  # noqa: PLC0415

    startup.begin(os.environ["LOOPVIZ_CONTROL"], STARTED)


def watch_trio(trio: "object") -> None:
    """Say that its loop runs, once it does: the probe sees nothing of it."""
    from loopviz.probe.other_loops import tell_of_trio  # noqa: PLC0415

    tell_of_trio(trio, os.environ["LOOPVIZ_CONTROL"])


def guarded(do: "object") -> None:
    """Call it; whatever goes wrong is said on standard error, and the program goes on."""
    try:
        do()  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001 - the program must go on
        sys.stderr.write(
            f"loopviz: this process is not watched ({type(error).__name__}: {error})\n"
        )


def run_shadowed() -> None:
    """Run the `sitecustomize` that would have been found without this one; it takes its name."""
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        return
    module = sys.modules["sitecustomize"] = module_from_spec(spec)
    spec.loader.exec_module(module)


if "LOOPVIZ_CONTROL" in os.environ or os.environ.get("LOOPVIZ") == "1":
    guarded(enter)
sys.path[:] = [
    folder
    for folder in sys.path
    if os.path.abspath(folder) != HERE  # noqa: PTH100
]
run_shadowed()
