"""Loops that are none of asyncio's: the probe sees nothing of them, and only says that they run."""

import contextlib
import functools
from pathlib import Path
from typing import Any

from loopviz.wire.control import OtherLoop, encode
from loopviz.wire.unix_socket import send

__all__ = ["tell_of_trio"]


def tell_of_trio(trio: Any, control: str) -> None:
    """Say so once `trio.run` is called for the first time. `control`: where loopviz listens."""
    original = trio.run

    @functools.wraps(original)
    def run(*args: Any, **options: Any) -> Any:
        if trio.run is run:
            trio.run = original
            with contextlib.suppress(Exception):  # loopviz has gone: the program must go on
                send(Path(control), encode(OtherLoop(library="trio")))
        return original(*args, **options)

    trio.run = run
