"""The same `/noop` in other frameworks: `app(name)`, and aiohttp.web's, which is no ASGI app."""

import asyncio
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

BODY, TYPE = '{"ok": true}', "application/json"

served = SimpleNamespace(requests=0)
"""How many requests aiohttp.web has served."""


def app(name: str) -> Any:
    """The ASGI app of `quart`, `django` or `litestar`. Raises ImportError."""
    return {"quart": _quart, "django": _django, "litestar": _litestar}[name]()


def _quart() -> Any:
    from quart import Quart, Response  # noqa: PLC0415 - only what is measured is imported

    app = Quart(__name__)

    @app.get("/noop")
    async def noop() -> Any:
        return Response(BODY, content_type=TYPE)

    return app


def _django() -> Any:
    from django.conf import settings  # noqa: PLC0415
    from django.core.asgi import get_asgi_application  # noqa: PLC0415
    from django.http import HttpResponse  # noqa: PLC0415
    from django.urls import path  # noqa: PLC0415

    async def noop(_request: Any) -> Any:
        return HttpResponse(BODY, content_type=TYPE, headers={"content-length": len(BODY)})

    urls: Any = ModuleType("urls")  # it has to be hashable
    urls.urlpatterns = [path("noop", noop)]
    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=urls)
    django = get_asgi_application()

    async def without_lifespan(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await django(scope, receive, send)
            return
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    return without_lifespan


def _litestar() -> Any:
    from litestar import Litestar, get  # noqa: PLC0415

    @get("/noop")
    async def noop() -> dict[str, bool]:
        return {"ok": True}

    return Litestar([noop], logging_config=None)


async def serve_aiohttp(sock: Any, started: Callable[[], None], over: asyncio.Event) -> None:
    """Serve aiohttp.web's at a socket that listens, until `over`."""
    from aiohttp import web  # noqa: PLC0415

    async def noop(_request: Any) -> Any:
        served.requests += 1
        return web.Response(text=BODY, content_type=TYPE)

    application = web.Application()
    application.router.add_get("/noop", noop)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    started()
    await over.wait()
    await runner.cleanup()
