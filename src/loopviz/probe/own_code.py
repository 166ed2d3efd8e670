"""Which installed packages are the program itself: `datasette`, where that is what was started.

Code outside of installed packages counts as the user's anyway (`probe.places`).
"""

import sys
from pathlib import Path
from typing import Any

from loopviz.probe.places import PLACES

__all__ = ["add_own", "own_folders"]

RUNNERS = frozenset(
    (
        *("__main__", "_pytest", "asyncio", "builtins", "functools", "importlib", "re", "runpy"),
        *("sys", "loopviz", "anyio", "click", "typer", "pytest", "uvicorn", "hypercorn", "daphne"),
        *("granian", "gunicorn", "fastapi", "fastapi_cli", "starlette", "litestar", "quart"),
        *("flask", "sanic", "django", "celery", "arq", "dramatiq", "taskiq"),
    )
)
"""Top-level packages that run other people's programs, or are frameworks of them."""


def own_folders() -> list[str]:
    """The folders of the installed package that `python -m` or a console script has started."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return _folders(spec.name)
    file = getattr(main, "__file__", None)
    if file is None or Path(file).parent != Path(sys.executable).parent:
        return []  # a script of the user's own, with whatever it imports
    names = {getattr(value, "__module__", "") for value in vars(main).values() if callable(value)}
    return [folder for name in names if isinstance(name, str) for folder in _folders(name)]


def add_own(app: Any) -> None:
    """Count the app's package as the user's; `app`: an ASGI app, or where uvicorn finds it."""
    name = app if isinstance(app, str) else getattr(app, "__module__", "") or type(app).__module__
    PLACES.add_user_roots(_folders(name.partition(":")[0]))


def _folders(module: str) -> list[str]:
    """The folder of the module's top-level package; none if that only runs programs."""
    name = module.partition(".")[0]
    package = sys.modules.get(name)
    if name in RUNNERS or package is None:
        return []
    return [str(Path(path)) for path in getattr(package, "__path__", ())]
