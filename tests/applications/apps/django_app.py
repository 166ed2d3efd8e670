"""Django under ASGI: sync and async views over the ORM on SQLite, a template, and a stream."""

import tempfile
from pathlib import Path

import django
from django.conf import settings

folder = tempfile.TemporaryDirectory(prefix="loopviz-django-")
FILE = Path(folder.name, "shop.db")
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FILE)}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not a secret",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {
                            "orders.html": "<ul>{% for order in orders %}<li>{{ order.id }}: "
                            "{{ order.customer.name }}, {{ order.total|floatformat:2 }}"
                            "{% endfor %}</ul>"
                        },
                    )
                ]
            },
        }
    ],
)
django.setup()

import asyncio  # noqa: E402

from asgiref.sync import sync_to_async  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import path  # noqa: E402
from fastapi import APIRouter  # noqa: E402

from loopviz.scenario import Load, Scenario  # noqa: E402


class Customer(models.Model):
    name = models.CharField(max_length=80)

    class Meta:
        app_label = "shop"


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    total = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        app_label = "shop"


def orders(request):
    """A sync view that renders a template."""
    found = Order.objects.select_related("customer").order_by("-id")[:50]
    return render(request, "orders.html", {"orders": found})


def place(request, number):
    """A sync view that writes, and that the session middleware has to save for."""
    order = Order.objects.get(id=number % ORDERS + 1)
    order.total += 1
    order.save()
    request.session["last"] = order.id
    return JsonResponse({"id": order.id, "total": str(order.total)})


async def order_async(request, number):
    """An async view with async queries, one after the other, as they depend on each other."""
    order = await Order.objects.aget(id=number % ORDERS + 1)
    customer = await Customer.objects.aget(id=order.customer_id)
    others = [other.id async for other in Order.objects.filter(customer=customer)[:10]]
    return JsonResponse({"id": order.id, "customer": customer.name, "others": others})


async def report(request):
    """An async view that calls sync code."""
    totals = await sync_to_async(total_by_customer)()
    user = await request.auser()
    return JsonResponse({"user": str(user), "totals": totals})


def total_by_customer():
    rows = Order.objects.values("customer").annotate(sum=models.Sum("total"))[:20]
    return {row["customer"]: str(row["sum"]) for row in rows}


async def events(request):
    """A stream that goes on for a while."""

    async def parts():
        for number in range(5):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.1)

    return StreamingHttpResponse(parts(), content_type="text/event-stream")


async def healthy(request):
    return HttpResponse("ok")


urlpatterns = [
    path("orders", orders),
    path("place/<int:number>", place),
    path("async/<int:number>", order_async),
    path("report", report),
    path("events", events),
    path("healthy", healthy),
]

CUSTOMERS, ORDERS = 50, 2_000
call_command("migrate", verbosity=0)
with connection.schema_editor() as schema:
    schema.create_model(Customer)
    schema.create_model(Order)
Customer.objects.bulk_create(Customer(name=f"customer {n}") for n in range(CUSTOMERS))
Order.objects.bulk_create(Order(customer_id=n % CUSTOMERS + 1, total=n % 97) for n in range(ORDERS))
connection.close()

asgi = get_asgi_application()


def around(app):
    async def serve(scope, receive, send):
        """Django knows no lifespan."""
        await (app if scope["type"] == "lifespan" else asgi)(scope, receive, send)

    return serve


scenario = Scenario(
    title="django",
    lesson="Sync and async views.",
    look=("Is every finding true?",),
    router=APIRouter(),
    middleware=[around],
    load=[
        Load("GET /orders", rps=4),
        Load("GET /place/{n}", rps=2),
        Load("GET /async/{n}", rps=6),
        Load("GET /report", rps=4),
        Load("GET /events", rps=1),
        Load("GET /healthy", rps=10),
    ],
)
