"""`loopviz new`: write a scenario to start from."""

import keyword
from pathlib import Path

from loopviz.errors import UsageError

__all__ = ["write_new"]


def write_new(name: str, folder: Path) -> Path:
    """Write `NAME.py` into the folder, and return its path.

    Its text is that of `starter.py`. Raises UsageError for a name that is no identifier, a file
    that exists, and a folder that cannot be written to.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise UsageError(
            f"A scenario cannot be called {name!r}: take letters, digits and _, as in slow_login."
        )
    path = folder / f"{name}.py"
    text = Path(__file__).with_name("starter.py").read_text("utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already: take another name, or remove it.") from None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}): name a folder with --scenarios."
        ) from error
    return path
