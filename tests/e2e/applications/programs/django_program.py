"""Django under ASGI over SQLite, and a WebSocket of Channels."""

import asyncio
import tempfile
from pathlib import Path

import _log  # noqa: F401
import django
from django.conf import settings

folder = tempfile.TemporaryDirectory(prefix="loopviz-django-")
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(folder.name, "shop.db")),
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    LOGGING_CONFIG=None,
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not a secret",
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import Http404, JsonResponse, StreamingHttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

call_command("migrate", verbosity=0)
User.objects.bulk_create(User(id=n, username=f"user {n}") for n in range(1, 101))


def users(request):
    return JsonResponse({"users": [user.username for user in User.objects.all()[:20]]})


async def user(request, number):
    await asyncio.sleep(0.002)
    found = await User.objects.filter(id=number).afirst()
    if found is None:
        raise Http404
    return JsonResponse({"user": found.username})


async def stream(request):
    async def parts():
        for n in range(5):
            await asyncio.sleep(0.01)
            yield f"{n}\n".encode()

    return StreamingHttpResponse(parts())


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "bye":
            await self.close()
        else:
            await self.send(text_data=text_data.upper())


urlpatterns = [
    path("users/", users),
    path("users/<int:number>/", user),
    path("stream/", stream),
]
app = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter([path("echo", Echo.as_asgi())]),
    }
)
