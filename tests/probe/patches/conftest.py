"""A real loop on real time, watched: for what waits for threads and sockets under a timeout."""

import asyncio

import pytest

from loopviz.probe import install
from tests.support.recording import FEW, Recording


@pytest.fixture
def really_watched(tmp_path):
    """Run coroutines on a loop, the last with a probe in it; what was recorded."""

    def run(main, *, first=None):
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            before = runner.run(first) if first is not None else None
            probe = install(
                runner.get_loop(),
                path=tmp_path / "real",
                watchdog=False,
                heartbeat_s=None,
                capacity=FEW,
            )
            try:
                runner.run(main(before) if first is not None else main())
            finally:
                probe.uninstall()
        return Recording(probe.folder)

    return run
