"""What a program said last, in one line."""

import pytest

from loopviz.engine.last_words import address_in, last_words

LIFESPAN = """\
INFO:     Waiting for application startup.
ERROR:    Traceback (most recent call last):
  File "/env/lib/python3.12/site-packages/starlette/routing.py", line 661, in lifespan
    async with self.lifespan_context(app) as state:
  File "/srv/shop/main.py", line 4, in life
    raise RuntimeError("no database")
RuntimeError: no database

ERROR:    Application startup failed. Exiting.
"""
PORT = """\
ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): \
address already in use
INFO:     Application shutdown complete.
"""


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", ""),
        ("one\ntwo", "two"),
        (LIFESPAN, "RuntimeError: no database (shop/main.py:4)"),
        (PORT, "port 8000 is in use: choose another, with --port for example."),
        (
            "OSError: Address already in use",
            "OSError: Address already in use: choose another, with --port for example.",
        ),
        ('ERROR:    Could not import module "x".\nINFO:     bye', 'Could not import module "x".'),
    ],
)
def test_last_words(output, words):
    assert last_words(output.splitlines(), "/srv") == words


def test_the_address_that_a_server_says():
    assert address_in(["[INFO] Listening at: http://0.0.0.0:8000 (7)"]) == "http://127.0.0.1:8000"
    assert address_in(["Running on http://127.0.0.1:8181 (CTRL + C to quit)"]) != ""
    assert address_in(["Uvicorn running on http://127.0.0.1:8000"]) == ""  # its hook says it later
    assert address_in(["see http://127.0.0.1:8000/docs"]) == ""
