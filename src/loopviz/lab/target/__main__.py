"""`python -m loopviz.lab.target --out-fd N --run-dir PATH`: serve one scenario.

The first message on standard input is a `TargetConfig`. Messages go back to the file descriptor
`--out-fd`: `TargetLoading` at once, and again with where it stands if that takes long; then
`TargetReady`, or `Failed`.
"""

import argparse
import asyncio
import atexit
import gc
import io
import logging
import os
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loopviz.errors import LoopvizError, MachineError
from loopviz.lab.catalogue import ScenarioInfo, check_fixes, describe
from loopviz.lab.target.control import Control
from loopviz.lab.target.counters import Counting
from loopviz.lab.target.loading import Loading, load, raised
from loopviz.lab.target.ready import TargetReady
from loopviz.listener import inherited
from loopviz.probe.answers import Answers
from loopviz.probe.asgi import watch_requests
from loopviz.probe.install import install, prepare
from loopviz.probe.overhead import measure_overhead
from loopviz.scenario import Scenario
from loopviz.wire.control import Failed, Message, TargetConfig, encode, messages
from loopviz.wire.events import Kind

Send = Callable[[Message], None]


def main() -> int:
    """Serve until a message says to quit, or until the parent is gone."""
    atexit.register(gc.freeze)  # no search for cycles at the end; the handlers of the app run first
    parser = argparse.ArgumentParser(prog="loopviz.lab.target")
    parser.add_argument("--out-fd", type=int, required=True)
    parser.add_argument("--run-dir", type=Path, required=True)
    options = parser.parse_args()
    os.set_inheritable(options.out_fd, False)  # the app's own children must not hold it open
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # what is printed is seen at once
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)

    def send(message: Message) -> None:
        os.write(options.out_fd, encode(message))

    config = next(messages(sys.stdin.buffer), None)
    if not isinstance(config, TargetConfig):
        return 0  # the parent went away at once
    try:
        _serve(config, options.run_dir, send)
    except LoopvizError as error:
        send(Failed(why=str(error), machine=isinstance(error, MachineError)))
        return error.exit_code
    except BaseException as error:  # noqa: BLE001 - whatever the scenario's file raises, sys.exit, too
        send(Failed(why=raised(error, config.path), traceback=traceback.format_exc()))
        return 3
    return 0


def _serve(config: TargetConfig, run_folder: Path, send: Send) -> None:
    from loopviz.lab.target.app import build_app, routes_of  # noqa: PLC0415 - imported once the parent has sent its message
    from loopviz.lab.target.server import Server, new_loop  # noqa: PLC0415
    from loopviz.lab.target.warm_up import warm_up  # noqa: PLC0415

    path = config.path
    listener = inherited(config.listen_fd)
    quits: list[Callable[[Callable[[Server], None]], object]] = []

    def stop(*, leave: bool = False) -> None:
        for quit_ in quits:
            quit_(Server.leave if leave else Server.stop)

    control = Control(sys.stdin.buffer, stop, run_folder)
    control.start()
    loading = Loading(path, send)
    loading.start()
    if config.options.probe:
        prepare()
    scenario = load(path)
    info = describe(config.id, path, scenario)
    _turn_on(scenario, info, config.options.fixes)
    control.use(scenario.fixes)
    failures: list[BaseException] = []
    counting: Counting | None = None
    app: Any = build_app(scenario, failures.append)
    overhead_ns = measure_overhead() if config.options.probe else 0

    async def warmed_up(state: Mapping[str, Any]) -> None:
        address = listener.getsockname()[:2]
        await warm_up(app, scenario.load, scenario.counters, address=address, state=state)

    def ready() -> None:
        loading.done()
        if counting is not None:
            counting.start()
        send(TargetReady(url=_url(listener), scenario=info))

    async def serve() -> None:
        loop = loading.loop = asyncio.get_running_loop()
        nonlocal counting
        watched, probe = app, None
        if config.options.probe:
            probe = install(
                path=run_folder,
                user_roots=[str(path.parent)],
                tripwire=True,
                required=True,
                attach=False,
            )
            control.aux_ring = probe.aux_ring
            control.answers = Answers(send)
            control.answers.turn_to(loop)
            probe.aux_ring.write(Kind.OVERHEAD, a=overhead_ns)
            probe.aux_ring.write(Kind.MARK, text=f"routes:{', '.join(routes_of(scenario))}")
            counting = Counting(scenario.counters, probe.aux_ring)
            watched = watch_requests(app, probe.hooks)
        server = Server(watched, ready, failures, warmed_up)
        quits.append(lambda how: loop.call_soon_threadsafe(how, server))
        try:
            await server.serve(sockets=[listener])
        finally:
            if probe is not None and counting is not None:
                counting.stop()
                probe.uninstall()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve())


def _turn_on(scenario: Scenario, info: ScenarioInfo, keys: Sequence[str]) -> None:
    check_fixes(info, keys)
    for fix in scenario.fixes:
        fix.on = fix.on or fix.key in keys


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


if __name__ == "__main__":
    sys.exit(main())
