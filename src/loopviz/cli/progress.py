"""The file in which the tour's progress is kept: `tour.json` in the user's data folder."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loopviz.errors import UsageError
from loopviz.lab.catalogue.files import read_text
from loopviz.tui.state.tour import WATCH, Tour

__all__ = ["ProgressFile", "progress_path"]

FORMAT = 1
Kept = dict[str, Any]


def progress_path() -> Path:
    """The file's path, whether or not it exists."""
    import platformdirs  # noqa: PLC0415 - start-up counts

    return platformdirs.user_data_path("loopviz") / "tour.json"


class ProgressFile:
    """Progress in a file. What it does not understand it does not overwrite, unless told to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._again = self._told = False

    def tour(self, lessons: Sequence[str], *, again: bool) -> Tour:
        """The tour where it was left. Raises UsageError for a file that cannot be understood."""
        self._again = again
        kept = {} if again else self._read()
        return Tour.begun(
            lessons, kept.get("lesson", ""), kept.get("step", WATCH), kept.get("done", ())
        )

    def keep(self, tour: Tour) -> str:
        """Keep it; what another loopviz has added meanwhile stays. One sentence if it fails."""
        try:
            done = tour.done if self._again else tour.done | set(self._read().get("done", ()))
            self._write({"lesson": tour.lesson, "step": tour.step, "done": sorted(done)})
        except UsageError as error:
            return self._once(str(error))
        except OSError as error:
            why = f"{self._path} cannot be written ({error.strerror})"
            return self._once(f"Your progress cannot be kept: {why}. The tour goes on.")
        self._again = False
        return ""

    def is_first_start(self) -> bool:
        """True once: if there is no file yet, and one can be made."""
        if os.path.lexists(self._path):
            return False
        try:
            self._write({})
        except OSError:
            return False
        return True

    def _once(self, sentence: str) -> str:
        told, self._told = self._told, True
        return "" if told else sentence

    def _read(self) -> Kept:
        """What the file says; nothing if there is none."""
        try:
            kept = json.loads(read_text(self._path))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._not_understood(error.strerror or "it cannot be read") from error
        except (ValueError, RecursionError):
            raise self._not_understood("it is not JSON") from None
        if not isinstance(kept, dict) or kept.get("format") != FORMAT:
            raise self._not_understood(f'it has no "format": {FORMAT}')
        names, done = [kept.get("lesson", ""), kept.get("step", "")], kept.get("done", [])
        if not isinstance(done, list) or not all(isinstance(name, str) for name in names + done):
            raise self._not_understood("it holds other values than names")
        return kept

    def _not_understood(self, why: str) -> UsageError:
        return UsageError(
            f"The progress of the tour in {self._path} cannot be read ({why}): "
            "`loopviz tour --restart` begins again and replaces it."
        )

    def _write(self, kept: Kept) -> None:
        """As a whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps({"format": FORMAT, **kept}, indent=1) + "\n", "utf-8")
            beside.replace(self._path)
        finally:
            beside.unlink(missing_ok=True)
