"""A loop on virtual time for the load's own code, and what starts the real thing."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from loopviz.lab.catalogue import LoadInfo
from loopviz.lab.load.config import LoadConfig
from loopviz.options import RunOptions
from loopviz.testing import VirtualClock, VirtualLoop
from loopviz.wire.control import Failed, LoadReady, LoadReport, Message, encode, messages
from loopviz.wire.samples import Sample


@pytest.fixture
def virtual() -> Callable[..., Any]:
    """Run `main(loop)` to its end in virtual time."""

    def run(main: Callable[[VirtualLoop], Any]) -> Any:
        with VirtualLoop(VirtualClock(0)) as loop:
            return loop.run(main(loop))

    return run


def calling_back(send: Callable[..., Any]) -> Callable[..., None]:
    """A coroutine function that returns a reply, as `OpenLoop` wants it: in a task of its own."""
    tasks = set()

    def start(arrival: Any, done: Callable[[Any], None]) -> None:
        task = asyncio.get_running_loop().create_task(send(arrival))
        tasks.add(task)
        task.add_done_callback(lambda task: task.cancelled() or done(task.result()))

    return start


class Child:
    """`python -m loopviz.lab.load`, and what it has said so far."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        reading, writing = os.pipe()
        command = [sys.executable, "-W", "error", "-m", "loopviz.lab.load"]
        command += ["--out-fd", str(writing), "--run-dir", str(run_dir)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[writing]
        )
        os.close(writing)
        self._up = os.fdopen(reading, "rb")
        self.messages = messages(self._up)
        self.samples: list[Sample] = []
        self.last: Message | None = None
        self.reported: LoadReport | None = None
        self.failed: Failed | None = None

    def start(self, url: str, *routes: LoadInfo, reuse: bool = True, **options: Any) -> None:
        config = LoadConfig(url=url, routes=routes, options=RunOptions(**options), reuse=reuse)
        self.send(config)
        self.read(lambda: isinstance(self.last, LoadReady))

    def send(self, message: Message) -> None:
        self.write(encode(message))

    def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def read(self, until: Callable[[], Any]) -> None:
        """Take in messages until something holds; pytest's timeout is the limit."""
        while not until():
            self.last = next(self.messages, None)
            assert self.last is not None, self.process.communicate()
            if isinstance(self.last, LoadReport):
                self.reported = self.last
                self.samples += self.last.samples
            elif isinstance(self.last, Failed):
                self.failed = self.last

    @property
    def sent(self) -> tuple[int, ...]:
        return self.reported.sent if self.reported else (0,)

    @property
    def in_flight(self) -> tuple[int, ...]:
        return self.reported.in_flight if self.reported else (0,)

    def statuses(self, route: int = 0) -> list[int]:
        return [sample.status for sample in self.samples if sample.route == route]

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stderr.close()
        self._up.close()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child(tmp_path / "run")
    yield child
    child.close()


class Server:
    """A small app under uvicorn in a thread; `seen` holds each request's path and headers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[bytes, bytes]]] = []
        self.queries: list[bytes] = []
        self.connections: set[tuple[str, int]] = set()
        self.left = 0
        """Clients that went away from `/hang`."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(self._app, log_config=None, lifespan="off", ws="none", interface="asgi3")
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        self.seen.append((path, dict(scope["headers"])))
        self.queries.append(scope["query_string"])
        self.connections.add(scope["client"])
        if path == "/hang":
            while (await receive())["type"] != "http.disconnect":
                pass
            self.left += 1
            return
        status = int(path[1:]) if path[1:].isdigit() else 200
        body = json.dumps({"path": path}).encode() * 1_000
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})
        if status == 500:
            raise RuntimeError("as an exception passes through Starlette")

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()
