"""nest_asyncio or nest_asyncio2, applied to a recorded loop: `run_until_complete` within a task.

What it needs of an iteration, ours does not do: for as long as it lasts, no task is the current
one. A loop to which it was applied before has a `_run_once` of its own, and is a foreign one to the
probe.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from loopviz.probe.patches.patch import Patch
from loopviz.probe.recorder import fail_safe, recorders

__all__ = ["NESTING", "patches_of_nesting"]

NESTING = ("nest_asyncio", "nest_asyncio2")
"""The modules. The first does not work on 3.14 and later, the second is its successor."""


def patches_of_nesting(module: Any) -> list[Patch]:
    """The patch of one of `NESTING`."""

    def make(original: Callable[[Any], None]) -> Callable[[Any], None]:
        def patch_loop(loop: Any) -> None:
            original(loop)
            with fail_safe("nest_asyncio"):
                _let_nest(loop)

        return patch_loop

    return [Patch(module, "_patch_loop", make)]


def _let_nest(loop: Any) -> None:
    iterate = vars(loop).get("_run_once")
    if iterate is None or loop not in recorders or hasattr(iterate, "nests"):
        return

    def run_once() -> None:
        if loop not in recorders:  # the probe has left this one alone, as it is not its own
            if vars(loop).get("_run_once") is run_once:
                del loop._run_once
            loop._run_once()
            return
        task = _set_current_task(loop, None)
        try:
            iterate()
        finally:
            _set_current_task(loop, task)

    run_once.nests = True  # type: ignore[attr-defined]
    loop._run_once = run_once


def _set_current_task(loop: Any, task: Any) -> Any:
    """Make it the loop's current task, or none; return the one until now."""
    swap = getattr(asyncio.tasks, "_swap_current_task", None)
    if swap is not None:  # from 3.12 on; from 3.14 on it is not in a dict
        return swap(loop, task)
    current: dict[Any, Any] = asyncio.tasks._current_tasks  # type: ignore[attr-defined]
    before = current.pop(loop, None)
    if task is not None:
        current[loop] = task
    return before
