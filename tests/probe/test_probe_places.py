"""User code told from library code."""

import asyncio
import functools
import json
import sys

import pytest

from loopviz.probe.places import LIBRARY, USER, Places, callback_site, coroutine_code


def test_user_standard_library_installed_and_our_own():
    places = Places()
    assert places.kind(test_user_standard_library_installed_and_our_own.__code__) == USER
    for library in (json.dumps, asyncio.sleep, pytest.fixture, Places.kind):
        assert places.kind(library.__code__) == LIBRARY


def test_user_roots_win(tmp_path):
    (folder,) = {json.__file__.rpartition("/")[0]}
    assert Places([folder]).kind(json.dumps.__code__) == USER
    assert Places([folder]).kind(asyncio.sleep.__code__) == LIBRARY


def test_a_folder_that_only_starts_alike_is_no_root(tmp_path):
    code = compile("", f"{json.__file__.rpartition('/')[0]}_more/x.py", "exec")
    folder = json.__file__.rpartition("/")[0]
    stdlib = folder.rpartition("/")[0]
    assert code.co_filename.startswith(stdlib)
    assert Places([folder]).kind(code) == LIBRARY


def test_the_stack_stops_at_the_loop_and_blames_the_innermost_user_frame():
    """Nothing of what started the loop belongs to a callback."""
    found = {}

    def callback():
        json.dumps([object()], default=look)

    def look(_value):
        found["stack"] = places.stack(sys._getframe())
        return 0

    places = Places()
    loop = asyncio.new_event_loop()
    loop.call_soon(callback)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    frames, culprit = found["stack"]
    functions = [frame.split("\t")[3].rpartition(".")[2] for frame in frames]
    assert functions[0] == "look"
    assert functions[-2:] == ["callback", "_run"]
    assert culprit == 0


def test_no_user_frame_beyond_the_loop():
    """A library's callback has no user frame, though a user's frame started the loop."""
    found = []
    space = {}
    source = "def callback(places, found, sys): found.append(places.user_frame(sys._getframe()))"
    exec(compile(source, asyncio.tasks.__file__, "exec"), space)
    loop = asyncio.new_event_loop()
    loop.call_soon(space["callback"], Places(), found, sys)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    assert found == [None]


def test_sites_of_callbacks():
    def function():
        pass

    line = function.__code__.co_firstlineno
    expected = f"{function.__qualname__}\t{__file__}\t{line}\t{function.__qualname__}"
    assert callback_site(function) == expected
    assert callback_site(functools.partial(function, 1)) == expected
    assert callback_site([].append) == "list.append\t\t0\t"


def test_code_of_coroutines():
    async def coroutine():
        pass

    async def asyncgen():
        yield

    running = coroutine()
    assert coroutine_code(running) is coroutine.__code__
    running.close()
    assert coroutine_code(i for i in ()).co_name == "<genexpr>"
    assert coroutine_code(asyncgen()) is asyncgen.__code__
    assert coroutine_code(object()) is None
