"""From a scenario to the FastAPI app that is served."""

from fastapi import FastAPI

from loopviz.scenario import Scenario

__all__ = ["build_app"]


def build_app(scenario: Scenario) -> FastAPI:
    """The scenario's endpoints, and `GET /ping`, the bystander: it does nothing, and suffers."""
    app = FastAPI(title=scenario.title, lifespan=scenario.lifespan)
    app.include_router(scenario.router)

    @app.get("/ping")
    async def ping() -> dict[str, bool]:
        return {"pong": True}

    return app
