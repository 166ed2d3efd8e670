"""Patches that the whole process shares, however many loops are recorded."""

import threading
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from loopviz.probe.patches.import_hook import ImportWatch
from loopviz.probe.patches.patch import Applied, Patch, apply, undo
from loopviz.probe.recorder import fail_safe

__all__ = ["SharedPatches"]


class SharedPatches:
    """Made for the first who watches, undone after the last.

    `by_module` says what to patch in a module, if and when the app imports it; it is asked again
    for each first watcher. `always` are the patches of what is there in any case.
    """

    def __init__(
        self,
        by_module: Mapping[str, Callable[[Any], Iterable[Patch]]],
        always: Iterable[Patch] = (),
    ) -> None:
        self.modules: set[str] = set()
        """Those that are patched now."""
        self._by_module = by_module
        self._always = tuple(always)
        self._imports = ImportWatch(tuple(by_module), self._imported)
        self._applied: list[Applied] = []
        self._watchers = 0
        self._lock = threading.RLock()  # what is imported already is found while `watch` holds it

    def watch(self) -> None:
        """Somebody wants to know: patch, unless it is done already."""
        with self._lock:
            self._watchers += 1
            if self._watchers == 1:
                self._applied.extend(apply(self._always))
                self._imports.start()

    def unwatch(self) -> bool:
        """He does not any more: the last one undoes it. Whether he was the last."""
        with self._lock:
            self._watchers -= 1
            if self._watchers:
                return False
            self._imports.stop()
            undo(self._applied)
            self.modules.clear()
            return True

    def _imported(self, module: ModuleType) -> None:
        name = module.__name__
        with fail_safe(name), self._lock:
            patches = self._by_module[name](module)
            self._applied.extend(apply(p for p in patches if not self._is_applied(p)))
            self.modules.add(name)

    def _is_applied(self, patch: Patch) -> bool:
        """A module that has two names (httpx2's alias) is found twice."""
        now = vars(patch.owner).get(patch.name)
        return any(
            now is ours and (owner, name) == (patch.owner, patch.name)
            for owner, name, _, ours in self._applied
        )
