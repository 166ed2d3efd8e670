"""Tells when a module has been imported, without importing it."""

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["ImportWatch"]


class ImportWatch(MetaPathFinder):
    """Calls back with each of the named modules: at once if it is there, else when it is.

    `stop()` takes the watch out of `sys.meta_path` again. An error of `found` is the importer's
    to see, so it should have none.
    """

    def __init__(self, names: Sequence[str], found: Callable[[ModuleType], None]) -> None:
        self._names = frozenset(names)
        self._found = found
        self._busy: set[tuple[int, str]] = set()

    def start(self) -> None:
        """Look at what is imported already, and watch for the rest."""
        sys.meta_path.insert(0, self)
        for name in self._names:
            module = sys.modules.get(name)
            if module is not None:
                self._found(module)

    def stop(self) -> None:
        """Watch no more."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find; a loader that then runs the module reports it."""
        asked = threading.get_ident(), fullname
        if fullname not in self._names or asked in self._busy:  # by another watch, in its turn
            return None
        self._busy.add(asked)
        try:
            for finder in sys.meta_path:
                find = getattr(finder, "find_spec", None)
                spec: ModuleSpec | None = find(fullname, path, target) if find else None
                if spec is not None:
                    self._follow(spec.loader)
                    return spec
        finally:
            self._busy.discard(asked)
        return None

    def _follow(self, loader: Any) -> None:
        original = getattr(loader, "exec_module", None)
        if original is None:
            return

        def exec_module(module: ModuleType) -> None:
            vars(loader).pop("exec_module", None)  # its class's own again
            original(module)
            if self in sys.meta_path:
                self._found(module)

        try:
            loader.exec_module = exec_module
        except AttributeError:  # a built-in loader: never one of a library that we look for
            return
