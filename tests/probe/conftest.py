"""What tests of the frameworks and of requests share."""

import pytest

from loopviz.probe import frameworks
from loopviz.probe.asgi import watch_requests
from loopviz.wire.events import Kind


@pytest.fixture
def patched():
    frameworks.watch()
    yield
    frameworks.unwatch()


@pytest.fixture
def serve(loop, probe_of, recording):
    """Serve one scope with the app under the wrapper: what was sent, and the request's events."""

    def run(app, scope, raises=()):
        probe = probe_of(loop)
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request"}

        async def serving():
            if raises:
                with pytest.raises(raises):
                    await watch_requests(app, probe.hooks)(scope, receive, send)
            else:
                await watch_requests(app, probe.hooks)(scope, receive, send)

        loop.run(serving())
        probe.uninstall()
        seen = recording(probe)
        task = seen.start_of("serving").task_id
        events = seen.of(Kind.REQUEST_START, Kind.REQUEST_END)
        assert all(event.task_id == task for event in events)
        return sent, events

    return run
