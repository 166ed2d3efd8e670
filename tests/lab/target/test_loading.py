"""What the target makes of a scenario's file: checked, or said in a sentence what is wrong."""

import asyncio
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import APIRouter

from loopviz.errors import TargetError
from loopviz.lab.target.loading import Loading, check, load, raised
from loopviz.scenario import Counter, Expect, Fix, Load, Scenario

HEAD = """
from fastapi import APIRouter
from loopviz.scenario import *

scenario = Scenario(
    title="t", lesson="l", look=(),
    router=APIRouter(),
    load=[Load("GET /a", rps=1)],
    fixes=[Fix("a", "a", "a")],
)
"""


@pytest.fixture
def write(tmp_path):
    path = tmp_path / "mine.py"
    before = list(sys.path)

    def write_file(text):
        path.write_text(text)
        return path

    yield write_file
    sys.path[:] = before
    sys.modules.pop("_loopviz_scenario_mine", None)


def made(**changes):
    good = {
        "title": "t",
        "lesson": "l",
        "look": (),
        "router": APIRouter(),
        "load": [Load("GET /a", 1.0)],
        "fixes": [Fix("a", "a", "a")],
    }
    return Scenario(**good | changes)


async def no_manager(app):
    """Nothing checks what a function returns before it is called."""


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"router": {}}, "7: Scenario: router must be an APIRouter(), not {}"),
        ({"title": 5}, "6: Scenario: title must be text, not 5"),
        ({"look": "here"}, "6: Scenario: look must be a list of texts, not 'here'"),
        ({"look": ("a", 1)}, "6: Scenario: look must be a list of texts, not ('a', 1)"),
        ({"lifespan": 1}, "5: Scenario: lifespan must be a function or None, not 1"),
        ({"load": [Load("GET a", 1.0)]}, "8: Load: route must be a method and a path such as"),
        ({"load": [Load("GET /a", None)]}, "8: Load: rps must be a number, not None"),
        ({"load": [Load("GET /a", float("nan"))]}, "8: Load: rps must be 0 or more, not nan"),
        ({"load": [Load("GET /a", 1, leaves=2)]}, "8: Load: leaves must be between 0 and 1, not 2"),
        ({"load": ["GET /a"]}, "8: Scenario: load must be a list of Load, not ['GET /a']"),
        ({"fixes": None}, "9: Scenario: fixes must be a list of Fix, not None"),
        ({"fixes": [Fix("x", "", "")] * 2}, "5: the key 'x' is there twice"),
        ({"fixes": [Fix("a", "", "", workers=0)]}, "9: Fix: workers must be 1 or more, not 0"),
        ({"counters": [Counter("x", "x")] * 2}, "5: the key 'x' is there twice"),
        (
            {"expect": [Expect("m", fix=1)]},
            "5: Expect: fix must be text, a list of texts or None",
        ),
    ],
)
def test_what_cannot_be_served(write, changes, says):
    path = write(HEAD)
    with pytest.raises(TargetError) as caught:
        check(path, made(**changes))
    assert str(caught.value).startswith(f"mine.py:{says}")


def test_what_can(write):
    path = write(HEAD)
    check(path, made())
    check(path, made(lifespan=no_manager, look=["a"], load=[], fixes=()))


def test_a_file_is_not_run_if_it_shows_what_is_wrong_with_it(write, tmp_path):
    path = write(f"open({str(tmp_path / 'trap')!r}, 'w')\n" + HEAD.replace('"t"', "5"))
    with pytest.raises(TargetError, match=r"mine.py:7: Scenario: title must be text, not 5."):
        load(path)
    assert not (tmp_path / "trap").exists()


def test_what_lies_beside_it_can_be_imported_and_hides_nothing(write, tmp_path):
    (tmp_path / "_helper_of_mine.py").write_text("TITLE = 'from beside'\n")
    (tmp_path / "json.py").write_text("raise RuntimeError('this is not the one')\n")
    path = write("import json\nfrom _helper_of_mine import TITLE\n" + HEAD.replace('"t"', "TITLE"))
    try:
        assert load(path).title == "from beside"
    finally:
        del sys.modules["_helper_of_mine"]
    assert sys.path[-1] == str(tmp_path)


# What it raises


def said(path, text):
    try:
        load(path)
    except BaseException as error:  # noqa: BLE001 - SystemExit, too
        return raised(error, path)
    raise AssertionError(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero, at line 1, `1 / 0`."),
        ("import sys; sys.exit()", "SystemExit, at line 1, `import sys; sys.exit()`."),
        ("def f():\n    raise KeyError(1)\nf()", "KeyError: 1, at line 2, `raise KeyError(1)`."),
        (
            "import json\njson.loads('{')",
            "json",
        ),
        (
            "raise ValueError('a\\x1b[31m\\n  b' + 'c' * 500)",
            r"ValueError: a\x1b[31m b" + "c" * 289 + ", at line 1, `raise ValueError(",
        ),
        (
            "class E(Exception):\n    __str__ = None\nraise E",
            "E, at line 3, `raise E`.",
        ),
    ],
)
def test_what_a_file_raises(write, text, says):
    path = write(f"{text}\nscenario = str()\n")
    sentence = said(path, text)
    assert sentence.startswith("mine.py raised ")
    assert says in sentence
    assert sentence.isprintable()


def test_a_line_beside_it_is_named_with_its_file(write, tmp_path):
    (tmp_path / "_helper_of_mine.py").write_text("def f():\n    1 / 0\n")
    path = write("from _helper_of_mine import f\nf()\nscenario = str()\n")
    try:
        assert said(path, "").endswith("at line 2 of _helper_of_mine.py, `1 / 0`.")
    finally:
        del sys.modules["_helper_of_mine"]


def test_an_exception_from_elsewhere_has_no_line():
    assert raised(KeyError("x"), Path("/x/mine.py")) == "mine.py raised KeyError: 'x'."


# Where it hangs


def test_where_a_lifespan_waits(tmp_path):
    """Through the context manager, to the innermost coroutine of the user's."""
    path = Path(__file__)
    found = []

    async def waits(event):
        await event.wait()

    @asynccontextmanager
    async def lifespan(app):
        await waits(asyncio.Event())
        yield

    class LifespanOn:  # as uvicorn's
        async def main(self):
            async with lifespan(None):
                pass

    async def run():
        task = asyncio.create_task(LifespanOn().main())
        await asyncio.sleep(0)
        loading = Loading(path, lambda message: None)
        loading._main = -1  # as if the main thread were in the selector
        loading.loop = asyncio.get_running_loop()
        thread = threading.Thread(target=lambda: found.append(loading.where()))
        thread.start()
        thread.join()
        task.cancel()

    asyncio.run(run())
    line = waits.__code__.co_firstlineno + 1
    assert found == [(str(path), line)]


def test_where_the_main_thread_is():
    loading = Loading(Path(__file__), lambda message: None)
    found = []
    go, done = threading.Event(), threading.Event()

    def look():
        go.wait()
        found.append(loading.where())
        done.set()

    thread = threading.Thread(target=look)
    thread.start()
    go.set() or done.wait()
    thread.join()
    line = test_where_the_main_thread_is.__code__.co_firstlineno + 12
    assert found == [(__file__, line)]
