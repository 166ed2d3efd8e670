"""`python -m loopviz.lab.target --out-fd N --run-dir PATH`: serve one scenario.

The first line on standard input says what: `{"do": "start", "id": "block", "path": "…/block.py",
"fixes": ["to_thread"], "listen_fd": 5, "probe": true}`; later lines are control messages. What is
to be said goes to the file descriptor `--out-fd`, a JSON object a line: `loading` at once, with a
sentence where it stands if that takes long; `ready` with the address and the scenario, or `failed`
with one sentence, and whether the machine is to blame and not the scenario.
"""

import argparse
import asyncio
import logging
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from loopviz.errors import LoopvizError, MachineError, UsageError
from loopviz.lab.catalogue import ScenarioInfo, describe
from loopviz.lab.target.control import Control
from loopviz.lab.target.counters import Counting
from loopviz.lab.target.loading import Loading, load, raised
from loopviz.listener import inherited
from loopviz.probe.asgi import watch_requests
from loopviz.probe.await_stack import await_stack
from loopviz.probe.install import install, prepare
from loopviz.probe.overhead import measure_overhead
from loopviz.scenario import Scenario
from loopviz.wire.control import encode, messages
from loopviz.wire.events import Kind


def main() -> int:
    """Serve until told to quit, or until the parent is gone."""
    parser = argparse.ArgumentParser(prog="loopviz.lab.target")
    parser.add_argument("--out-fd", type=int, required=True)
    parser.add_argument("--run-dir", type=Path, required=True)
    options = parser.parse_args()
    os.set_inheritable(options.out_fd, False)  # the app's own children must not hold it open
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)

    def say(message: dict[str, Any]) -> None:
        os.write(options.out_fd, encode(message))

    start = next(messages(sys.stdin.buffer), None)
    if start is None:
        return 0  # the parent went away at once
    try:
        _serve(start, options.run_dir, say)
    except LoopvizError as error:
        machine = isinstance(error, MachineError)
        say({"is": "failed", "why": str(error), "machine": machine})
        return error.exit_code
    except BaseException as error:  # noqa: BLE001 - whatever the scenario's file raises, sys.exit, too
        why = raised(error, Path(start["path"]))
        say({"is": "failed", "why": why, "traceback": traceback.format_exc()})
        return 3
    return 0


def _serve(start: dict[str, Any], run_folder: Path, say: Any) -> None:
    from loopviz.lab.target.app import build_app, routes_of  # noqa: PLC0415 - after the parent was heard
    from loopviz.lab.target.server import Server, new_loop  # noqa: PLC0415

    path = Path(start["path"])
    listener = inherited(start["listen_fd"])
    quits: list[Callable[[Callable[[Server], None]], object]] = []

    def stop(*, leave: bool = False) -> None:
        for quit_ in quits:
            quit_(Server.leave if leave else _stop)

    control = Control(sys.stdin.buffer, stop, run_folder)
    control.start()
    loading = Loading(path, say)
    loading.start()
    if start.get("probe", True):
        prepare()
    scenario = load(path)
    info = describe(start["id"], path, scenario)
    _turn_on(scenario, info, start["fixes"])
    control.use(scenario.fixes)
    failures: list[BaseException] = []
    app: Any = build_app(scenario, failures.append)
    overhead_ns = measure_overhead() if start.get("probe", True) else 0

    def ready() -> None:
        loading.done()
        say(_ready(listener, info))

    async def serve() -> None:
        loop = loading.loop = asyncio.get_running_loop()
        watched, probe, counting = app, None, None
        if start.get("probe", True):
            probe = install(
                path=run_folder, user_roots=[str(path.parent)], tripwire=True, required=True
            )
            control.aux_ring = probe.aux_ring
            control.tell_stack = _stacks(loop, say)
            probe.aux_ring.write(Kind.OVERHEAD, a=overhead_ns)
            probe.aux_ring.write(Kind.MARK, text=f"routes:{', '.join(routes_of(scenario))}")
            counting = Counting(scenario.counters, probe.aux_ring)
            counting.start()
            watched = watch_requests(app, probe.hooks)
        server = Server(watched, ready, failures)
        quits.append(lambda how: loop.call_soon_threadsafe(how, server))
        try:
            await server.serve(sockets=[listener])
        finally:
            if probe is not None and counting is not None:
                counting.stop()
                probe.uninstall()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve())


def _turn_on(scenario: Scenario, info: ScenarioInfo, keys: list[str]) -> None:
    fixes = {fix.key: fix for fix in scenario.fixes}
    for key in keys:
        if key not in fixes:
            known = ", ".join(fixes) or "none"
            raise UsageError(f"{info.id} has no fix {key!r}; it has: {known}.")
        fixes[key].on = True


def _stacks(loop: asyncio.AbstractEventLoop, say: Any) -> Callable[[int], None]:
    """What says where a task of that loop is; made on the loop's thread, called on any."""
    thread = threading.get_ident()

    def tell(task: int) -> None:
        try:
            frames = await_stack(loop, thread, task)
        except Exception:  # noqa: BLE001 - whatever the app has for a task: fixes must go on
            frames = []
        say({"is": "stack", "task": task, "frames": frames})

    return tell


def _ready(listener: socket.socket, info: ScenarioInfo) -> dict[str, Any]:
    host, port = listener.getsockname()[:2]
    return {
        "is": "ready",
        "url": f"http://{host}:{port}",
        "scenario": asdict(info) | {"path": str(info.path)},
    }


def _stop(server: Any) -> None:
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
