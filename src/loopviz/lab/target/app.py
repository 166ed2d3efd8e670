"""Builds the FastAPI app of a scenario."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from loopviz.scenario import Scenario

__all__ = ["build_app", "routes_of"]


def build_app(
    scenario: Scenario, failed: Callable[[BaseException], None] = lambda _error: None
) -> FastAPI:
    """The scenario's endpoints, and `GET /ping`, which does nothing and shows what others cause.

    `failed` is called with what the lifespan raises before it yields: a server reports no details.
    """
    app = FastAPI(title=scenario.title, lifespan=_reporting(scenario, failed))
    app.include_router(scenario.router)
    for middleware in reversed(scenario.middleware):
        app.add_middleware(middleware)

    @app.get("/ping")
    async def ping() -> dict[str, bool]:
        return {"pong": True}

    return app


def routes_of(scenario: Scenario) -> list[str]:
    """The routes of its router, as `GET /report`, and `GET /ping`."""
    found = [
        f"{method} {route.path}"
        for route in scenario.router.routes
        if hasattr(route, "path")
        for method in sorted(getattr(route, "methods", None) or ())
    ]
    return [*found, "GET /ping"]


def _reporting(scenario: Scenario, failed: Callable[[BaseException], None]) -> Any:
    if scenario.lifespan is None:
        return None
    start: Callable[[FastAPI], AbstractAsyncContextManager[Any]] = scenario.lifespan

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with AsyncExitStack() as stack:
            try:
                state = await stack.enter_async_context(start(app))
            except BaseException as error:
                failed(error)
                raise
            yield state

    return lifespan
