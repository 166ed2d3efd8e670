"""Calls back when a module has been imported, without importing it."""

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["ImportWatch"]


class _InitializingSpec(ModuleSpec):
    """The spec of a module that is being imported: the import system notes its end there."""

    initialized: list[Callable[[], None]]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "_initializing" and not value:
            initialized = self.initialized
            del self.initialized
            self.__class__ = ModuleSpec  # type: ignore[assignment]
            for call_back in initialized:
                call_back()


class ImportWatch:
    """Calls `found` with each of the named modules: at once if imported, else when it is.

    `stop()` removes the watch from `sys.meta_path`. An error of `found` reaches the importer, so it
    should not raise. There is no base class, since `importlib.abc` takes 10 ms in each process.
    """

    def __init__(self, names: Sequence[str], found: Callable[[ModuleType], None]) -> None:
        self._names = frozenset(names)
        self._found = found
        self._busy: set[tuple[int, str]] = set()

    def start(self) -> None:
        """Call back for the modules that are imported already, and watch for the others."""
        sys.meta_path.insert(0, self)
        for name in self._names:
            module = sys.modules.get(name)
            if module is not None and not self._is_initializing(module):
                self._found(module)

    def _is_initializing(self, module: ModuleType) -> bool:
        """True if its import has not ended; then that calls back."""
        spec: Any = module.__spec__
        if not getattr(spec, "_initializing", False):
            return False
        if type(spec) is ModuleSpec:
            spec.__class__ = _InitializingSpec
            vars(spec)["initialized"] = []
        elif type(spec) is not _InitializingSpec:
            return False

        def initialized() -> None:
            if self in sys.meta_path and sys.modules.get(module.__name__) is module:
                self._found(module)

        spec.initialized.append(initialized)
        return True

    def stop(self) -> None:
        """Stop watching."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders find; its loader calls back after running the module."""
        asked = threading.get_ident(), fullname
        if fullname not in self._names or asked in self._busy:  # asked by another watch
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
            vars(loader).pop("exec_module", None)  # restores the class's own
            original(module)
            if self in sys.meta_path:
                self._found(module)

        try:
            loader.exec_module = exec_module
        except AttributeError:  # a built-in loader: never that of a watched library
            return
