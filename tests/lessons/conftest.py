"""An app without a server: its lifespan is run, and a client calls it in this process."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from httpx import ASGITransport, AsyncClient

from loopviz.lab.catalogue import builtin_folder, load_scenario
from loopviz.lab.target.app import build_app


@pytest.fixture
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def start(name, fix) -> AsyncIterator[tuple]:
    """The scenario's module, with that fix on (None: the bug), and a client for its app."""
    scenario = load_scenario(builtin_folder() / f"{name}.py")  # runs the file: all state is new
    for each in scenario.fixes:
        each.on = each.key == fix
    app = build_app(scenario)
    async with (
        app.router.lifespan_context(app),  # ASGITransport does not run it
        AsyncClient(transport=ASGITransport(app), base_url="http://test") as client,
    ):
        yield sys.modules[scenario.router.routes[0].endpoint.__module__], client


@pytest.fixture
def started():
    return start
