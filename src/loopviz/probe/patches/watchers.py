"""Patches that the whole process shares, however many loops are recorded."""

import threading
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from loopviz.import_watch import ImportWatch
from loopviz.probe.patches.patch import Applied, Patch, apply, undo
from loopviz.probe.recorder import fail_safe

__all__ = ["SharedPatches"]


class SharedPatches:
    """Patches that the first watcher applies and the last one undoes.

    `by_module` has the patches of each module, applied if and when the app imports it; they are
    made again for each first watcher. `always` are the patches of the standard library.
    """

    def __init__(
        self,
        by_module: Mapping[str, Callable[[Any], Iterable[Patch]]],
        always: Iterable[Patch] = (),
    ) -> None:
        self.modules: set[str] = set()
        """Names of the modules that are patched now."""
        self._by_module = by_module
        self._always = tuple(always)
        self._imports = ImportWatch(tuple(by_module), self._imported)
        self._applied: list[Applied] = []
        self._watchers = 0
        self._lock = threading.RLock()  # reentrant: `watch` calls `_imported`

    def watch(self) -> None:
        """Add one watcher. The first one applies the patches."""
        with self._lock:
            self._watchers += 1
            if self._watchers == 1:
                self._applied.extend(apply(self._always))
                self._imports.start()

    def unwatch(self) -> bool:
        """Release one watcher. Returns True if it was the last, which removes the patches."""
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
        """True if applied already: a module with two names (httpx2's alias) is found twice."""
        now = vars(patch.owner).get(patch.name)
        return any(
            now is ours and (owner, name) == (patch.owner, patch.name)
            for owner, name, _, ours in self._applied
        )
