"""Finds the ASGI app in a file or a folder without running it, as `fastapi run` looks for it."""

import ast
from pathlib import Path

from loopviz.lab.catalogue.files import read_text

__all__ = ["app_in", "file_in", "importable"]

FRAMEWORKS = frozenset(
    (
        "FastAPI",
        "Starlette",
        "Litestar",
        "Quart",
        "Sanic",
        "BlackSheep",
        "Robyn",
        "Esmerald",
        "Lilya",
        "App",
        "Application",
        "Router",
        "ProtocolTypeRouter",
        "get_asgi_application",
    )
)
"""Names of what makes an ASGI app."""
NAMES = ("app", "api", "application")
FILES = tuple(
    f"{folder}{name}.py" for folder in ("", "app/") for name in ("main", "app", "api", "asgi")
)


def file_in(folder: Path) -> Path | None:
    """The file in which a project's app is: `main.py`, `app.py`, …, also in `app/`."""
    return next((folder / name for name in FILES if (folder / name).is_file()), None)


def app_in(file: Path) -> str:
    """The name of the app that a file makes at its top level; empty if none is found."""
    try:
        tree = ast.parse(read_text(file))
    except (OSError, SyntaxError, ValueError):
        return ""
    made: list[str] = []
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function)):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(func=function)):
                pass
            case _:
                continue
        called = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
        if called in FRAMEWORKS:
            made.append(name)
    return next((name for name in (*NAMES, *made) if name in made), "")


def importable(file: Path) -> tuple[Path, str]:
    """The folder that must be on `sys.path`, and the file's module: `/srv`, `shop.main`."""
    file = file.resolve()
    folder, parts = file.parent, [] if file.name == "__init__.py" else [file.stem]
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)
