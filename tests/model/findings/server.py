"""Serves requests under the real probe; what the rules find in what it has recorded."""

import asyncio
import linecache
from pathlib import Path

import numpy as np

from loopviz.model.events import EVENT_TYPE
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.probe.asgi import watch_requests
from tests.support.recording import Recording


class Server:
    """Serves requests with handlers that take the request's number, each in a task of its own."""

    def __init__(self, probe):
        self._hooks = probe.hooks

    def get(self, handler, number=0, path="/order", method="GET"):
        """The task that serves it."""

        async def app(_scope, receive, send):
            await handler(number)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x"})

        scope = {"type": "http", "method": method, "path": path, "headers": []}
        serving = watch_requests(app, self._hooks)(scope, None, _sent)
        return asyncio.get_running_loop().create_task(serving)

    async def load(self, handler, count, every):
        """One request every so many seconds; until all are served."""
        tasks = []
        for number in range(count):
            tasks.append(self.get(handler, number))
            await asyncio.sleep(every)
        await asyncio.gather(*tasks, return_exceptions=True)


async def _sent(_message):
    pass


def findings_of(folder):
    recording = Recording(folder)
    model = Model(naming=Naming([(str(Path(__file__).parent), "")], linecache.getline))
    aux = [(e.at, e.a, e.task_id, e.b, e.kind) for e in recording.aux]
    model.feed_aux(np.array(aux, EVENT_TYPE), recording._readers[1].strings)
    model.feed(recording.batch(), recording.strings)
    model.stop(recording.loop[-1].at)
    assert not model.health().failed_hooks
    return model.findings()
