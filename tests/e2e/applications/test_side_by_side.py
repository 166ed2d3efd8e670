"""Each application under loopviz does what it does alone, for a few seconds.

`python -m tests.e2e.applications` does so for a minute, under each server.
"""

import pytest

from tests.e2e.applications.__main__ import FOLDER
from tests.e2e.applications.catalogue import APPLICATIONS, COMMON, SERVERS
from tests.e2e.applications.side_by_side import compare
from tests.support.environments import make_environment

pytestmark = [pytest.mark.real, pytest.mark.applications, pytest.mark.timeout(300)]

ROUND = [
    ("datasette", "granian"),
    ("django", "hypercorn"),
    ("litestar", "uvicorn-asyncio"),
    ("litestar", "uvicorn-uvloop"),
    ("mcp", "uvicorn-asyncio"),
    ("nicegui", "uvicorn-uvloop"),
    ("quart", "hypercorn"),
]


@pytest.mark.parametrize(("name", "server"), ROUND)
def test_it_answers_logs_and_ends_as_it_does_alone(name, server):
    application, home = APPLICATIONS[name], FOLDER / f"side-{name}"
    if why := make_environment(home, (*COMMON, *application.requirements)):
        pytest.skip(f"its environment could not be made: {why}")
    found = compare(application, SERVERS[server], home, home, 4)
    assert sum(found.asked.values()) > 20
    assert found.unlike == []
    assert found.errors == []
    assert found.same_end, found.ends
    assert found.report, found.said
