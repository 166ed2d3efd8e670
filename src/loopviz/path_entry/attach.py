"""Runs in a program that loopviz attaches to, between any two bytecodes of its main thread.

`CONTROL` is the socket at which loopviz listens; see `loopviz.engine.injection`. What takes time is
done in a thread, which is started without `threading`: the main thread may hold locks of that now.
"""

import _thread
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location

CONTROL: str


def attach() -> None:
    """Watch the loops of this process; whatever goes wrong is said, and the program goes on."""
    try:
        file = os.path.join(os.path.dirname(__file__), "_loopviz_entry.py")  # noqa: PTH118, PTH120
        spec = spec_from_file_location("_loopviz_entry", file)
        assert spec is not None
        assert spec.loader is not None
        entry = module_from_spec(spec)
        spec.loader.exec_module(entry)
        entry.enter()
        from loopviz.probe.startup import attach  # noqa: PLC0415 - it was not importable before

        attach(CONTROL)  # noqa: F821 - a global that the injection gives
    except Exception as error:  # noqa: BLE001 - the program must go on
        sys.stderr.write(
            f"loopviz: this process is not watched ({type(error).__name__}: {error})\n"
        )


_thread.start_new_thread(attach, ())
