"""User code told from library code."""

import asyncio
import functools
import json
import sys
import threading

import jinja2
import pytest

from loopviz.probe import asgi
from loopviz.probe.await_site import make_place_of
from loopviz.probe.places import LIBRARY, LOOP, USER, Places, callback_site, coroutine_code
from loopviz.probe.stacks import Stack, dumped_stack, stack_frames, stack_of


def test_user_standard_library_installed_and_our_own():
    places = Places()
    assert places.kind(test_user_standard_library_installed_and_our_own.__code__) == USER
    for library in (json.dumps, asyncio.sleep, pytest.fixture, Places.kind):
        assert places.kind(library.__code__) == LIBRARY


def test_user_roots_win(tmp_path):
    (folder,) = {json.__file__.rpartition("/")[0]}
    assert Places([folder]).kind(json.dumps.__code__) == USER
    assert Places([folder]).kind(asyncio.sleep.__code__) == LIBRARY


def test_loopviz_is_no_user_code_wherever_it_lies():
    """A checkout of it below the project's folder; the lessons in it are the user's."""
    package = sys.modules["loopviz"].__file__.rpartition("/")[0]
    folder = package.rpartition("/")[0]
    above = Places([folder])
    assert above.kind(Places.kind.__code__) == LIBRARY
    assert above.kind_of(f"{folder}/app.py", "f") == USER
    assert Places([f"{package}/_scenarios"]).kind_of(f"{package}/_scenarios/a.py", "f") == USER


def test_where_the_loop_runs_its_callbacks():
    places = Places()
    ours = sys.modules["loopviz.probe.hooks"].__file__
    foreign = ours.replace("hooks", "foreign")
    assert places.kind_of(asyncio.base_events.__file__, "_run_once") == LOOP
    assert places.kind_of(ours, "_run_once") == LOOP
    assert places.kind_of(foreign, "send") == places.kind_of(foreign, "throw") == LOOP
    assert places.kind_of(ours, "turn_to") == LIBRARY
    assert places.kind_of(__file__, "_run_once") == USER


def test_places_of_another_process():
    places = Places(["/home/me"], ["/lib/"])
    assert places.folders() == (("/home/me/",), ("/lib/",))
    assert places.kind_of("/lib/x.py", "f") == LIBRARY
    assert places.kind_of("/home/me/x.py", "f") == USER


def test_a_folder_that_only_starts_alike_is_no_root(tmp_path):
    code = compile("", f"{json.__file__.rpartition('/')[0]}_more/x.py", "exec")
    folder = json.__file__.rpartition("/")[0]
    stdlib = folder.rpartition("/")[0]
    assert code.co_filename.startswith(stdlib)
    assert Places([folder]).kind(code) == LIBRARY


def test_what_is_installed_below_a_root_is_no_user_code():
    places = Places(["/home/me/app"], ["/usr/lib/"])
    installed = "/home/me/app/.venv/lib/python3.11/site-packages/httpx/_client.py"
    assert places.kind_of(installed, "get") == LIBRARY
    assert places.kind_of("/home/me/app/main.py", "get") == USER
    assert places.kind_of("/elsewhere/venv/site-packages/x.py", "f") == LIBRARY
    inside = Places(["/v/site-packages/loopviz/_scenarios"], ["/v/"])
    assert inside.kind_of("/v/site-packages/loopviz/_scenarios/block.py", "f") == USER


def deep(levels, function):
    """Calls it from so many frames of a library."""
    if not levels:
        return function()
    return json.loads("[0]", parse_int=lambda _: deep(levels - 1, function))[0]


def test_the_user_frame_is_found_however_deep_the_library_is():
    def function():
        frame = sys._getframe()
        library = [f for f in stack_frames(frame) if "/json/" in f[0].f_code.co_filename]
        stack = stack_of(Places(), [*library * 40, *stack_frames(frame)])
        return len(library) * 40, stack

    count, stack = deep(1, function)
    assert count > 40
    assert stack.frames[stack.culprit].endswith("function")
    assert stack.culprit == len(stack.frames) - 1


def in_a_callback(function):
    """What it returns, in a callback of a loop."""
    found = []
    loop = asyncio.new_event_loop()
    loop.call_soon(lambda: found.append(function()))
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    return found[0]


def functions(stack):
    return [frame.rpartition("\t")[2].rpartition(".")[2] for frame in stack.frames]


def test_the_stack_stops_at_the_loop_and_blames_the_innermost_user_frame():
    """Nothing of what started the loop belongs to a callback."""

    def callback():
        stacks = []
        json.dumps(
            [object()],
            default=lambda _: stacks.append(stack_of(Places(), stack_frames(sys._getframe()))),
        )
        return stacks[0]

    stack = in_a_callback(callback)
    assert functions(stack)[0] == "<lambda>"
    assert functions(stack)[-3:] == ["callback", "<lambda>", "_run"]
    assert stack.culprit == 0


def code_in(file, source):
    space = {"sys": sys, "stack_frames": stack_frames, "stack_of": stack_of, "Places": Places}
    exec(compile(source, file, "exec"), space)
    return space


def test_the_call_stands_just_inside_the_culprit():
    library = code_in(
        json.__file__, "def call(): return stack_of(Places(), stack_frames(sys._getframe()))"
    )

    def callback():
        return library["call"]()

    stack = in_a_callback(callback)
    assert functions(stack)[:2] == ["call", "callback"]
    assert stack.culprit == 1


def test_the_frames_of_the_probe_are_left_out():
    ours = code_in(
        asgi.__file__,
        "def watched(inner): return inner()",
    )
    assert "watched" not in functions(
        in_a_callback(
            lambda: ours["watched"](lambda: stack_of(Places(), stack_frames(sys._getframe())))
        )
    )


class Dependant:
    call = in_a_callback


class Received:
    def __init__(self, headers):
        self.scope = {"headers": headers}


@pytest.mark.parametrize(
    ("calls", "variables", "work"),
    [
        (["json"], {"body_bytes": b"x" * 12_345}, "body 12000"),
        (["json"], {}, "body"),
        (["form"], {"request": Received([(b"content-length", b"996000")])}, "body 1000000"),
        (["form"], {"request": Received([(b"content-length", b"no")])}, "body"),
        (["solve_dependencies", "request_body_to_args"], {"body_bytes": b"x" * 7}, "body 7"),
        (["solve_dependencies", "get_user"], {"body_bytes": b"x" * 7}, "dependencies"),
        (["solve_dependencies"], {}, "dependencies"),
        (["serialize_response"], {}, "response"),
        (["render"], {"raw_response": {}, "body_bytes": b"x"}, "response"),
        (["anything"], {}, "other"),
    ],
)
def test_a_frame_of_fastapi_stands_for_the_endpoint_that_does_not_run(calls, variables, work):
    """Its name is what FastAPI does for it, by the functions that it calls."""
    source = "def app(dependant, variables):\n"
    source += "".join(f"    {name} = variables[{name!r}]\n" for name in variables)
    source += f"    return {calls[0]}()\n"
    for function, called in zip(calls, [*calls[1:], "stack"], strict=True):
        source += f"def {function}(): return {called}()\n"
    source += "def stack(): return stack_of(places, stack_frames(sys._getframe(1)))\n"
    fastapi = code_in("/site/fastapi/routing.py", source)
    fastapi["places"] = Places(library=["/site/", asyncio.__file__.rpartition("/")[0]])
    stack = in_a_callback(functools.partial(fastapi["app"], Dependant, variables))
    assert functions(stack)[: len(calls) + 2] == [*calls[::-1], "in_a_callback", "app"]
    assert stack.culprit == len(calls)
    line = in_a_callback.__code__.co_firstlineno
    assert stack.frames[stack.culprit] == f"{work}\t{__file__}\t{line}\tin_a_callback"


@pytest.mark.parametrize(
    ("calls", "later", "work"),
    [
        (("loads", "json"), "body 12000", "body 12000"),
        (("loads", "json"), "response", "body"),
        (("validate", "solve_dependencies"), "other", "dependencies"),
        (("dumps", "serialize_response"), "response", "response"),
        (("dumps", "render"), "response", "response"),
    ],
)
def test_a_dump_has_the_endpoint_from_a_later_sample_and_its_own_work(calls, later, work):
    place = f"{__file__}\t7\tendpoint"
    frames = [("/site/x.py", 1, name) for name in calls]
    frames.append(("/site/fastapi/routing.py", 9, "app"))
    now = Stack([], 0, f"{later}\t{place}")
    stack = dumped_stack(Places(library=["/site/"]), frames, now)
    assert stack.frames[stack.culprit] == f"{work}\t{place}"
    stack = dumped_stack(Places(library=["/site/"]), frames)
    assert stack.frames[stack.culprit] == f"\t/site/x.py\t1\t{calls[0]}"


def from_a_loop(callback, *args):
    """What it appends to its first argument in a callback that no user's code called."""
    found = []
    loop = asyncio.new_event_loop()
    loop.call_soon(callback, found, *args)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    return found[0]


INSTALLED = {  # from the server inwards
    "uvicorn/server.py": "def run(found, n): found.append(wrap(n, 0, 0))",
    "gzip_middleware.py": "def wrap(scope, receive, send): return serve(scope, 0, 0)",
    "shop/app.py": "def serve(scope, receive, send): return page(scope)",
    "shop/views.py": "def page(n): return render(n)",
    "jinja2/environment.py": "def render(n): return render(n - 1) if n else found()",
}


@pytest.mark.parametrize("depth", [0, 50])
def test_without_the_user_s_code_the_innermost_line_of_the_app_is_to_blame(depth):
    """Not that of a middleware, nor of a library that it calls."""
    space = {"found": lambda: stack_of(Places(), stack_frames(sys._getframe(1)))}
    for file, source in INSTALLED.items():
        exec(compile(source, f"/v/lib/site-packages/{file}", "exec"), space)
    stack = from_a_loop(space["run"], depth)
    assert stack.frames[stack.culprit] == "\t/v/lib/site-packages/shop/views.py\t1\tpage"
    assert functions(stack)[0] == "render"


def test_a_package_that_only_awaits_another_is_not_to_blame_for_it():
    """A task of strawberry's that runs a query awaits what graphql-core does."""
    awaits = code_in(
        "/v/lib/site-packages/strawberry/utils.py",
        "async def run(): await maybe()\nasync def maybe(): await execute()",
    )
    awaits["execute"] = code_in(
        "/v/lib/site-packages/graphql/execute.py",
        "async def execute(): found.append(complete())\n"
        "def complete(): return stack_of(Places(), stack_frames(sys._getframe()))",
    )["execute"]
    found = awaits["execute"].__globals__["found"] = []
    asyncio.run(awaits["run"]())
    assert found[0].frames[found[0].culprit] == (
        "\t/v/lib/site-packages/graphql/execute.py\t2\tcomplete"
    )


def test_a_package_that_awaits_another_is_to_blame_for_what_that_calls_of_it():
    """SQLAdmin awaits jinja2, which renders a template of SQLAdmin's."""
    admin = code_in(
        "/v/lib/site-packages/sqladmin/application.py",
        "async def page(): await render()\n"
        "def template(): return stack_of(Places(), stack_frames(sys._getframe()))",
    )
    jinja = code_in(
        "/v/lib/site-packages/jinja2/environment.py",
        "async def render(): found.append(template())",
    )
    admin["render"], jinja["template"] = jinja["render"], admin["template"]
    found = jinja["found"] = []
    asyncio.run(admin["page"]())
    assert found[0].frames[found[0].culprit] == (
        "\t/v/lib/site-packages/sqladmin/application.py\t2\ttemplate"
    )


@pytest.mark.parametrize(("inner", "blamed"), [("shop/app.py", "slow"), ("jwt/api.py", "wrap")])
def test_a_middleware_is_blamed_for_what_it_calls_but_not_for_the_app_in_it(inner, blamed):
    """Another ASGI app has parameters of these names, too."""
    parameters = "scope, receive, send" if blamed == "slow" else "token, *_"
    library = code_in(
        f"/v/lib/site-packages/{inner}",
        f"def serve({parameters}): return slow()\n"
        "def slow(): return stack_of(Places(), stack_frames(sys._getframe()))",
    )
    middleware = code_in(__file__, "def wrap(scope, receive, send): return serve(scope, 0, 0)")
    middleware["serve"] = library["serve"]
    server = code_in(
        "/v/lib/site-packages/uvicorn/x.py", "def run(found): found.append(wrap(0, 0, 0))"
    )
    server["wrap"] = middleware["wrap"]
    stack = from_a_loop(server["run"])
    assert functions(stack)[stack.culprit] == blamed


@pytest.mark.parametrize("inner", ["site-packages/shop/app.py", "app.py"])
def test_a_middleware_that_awaits_another_app_is_passed_over(inner):
    """In a wait, and where something asks who called; what it does itself is its own."""
    places = Places()
    app = code_in(
        f"/v/{inner}",
        "async def serve(scope, receive, send):\n"
        "    found.append(places.user_frame(sys._getframe()))\n"
        "    await waits()",
    )
    around = code_in(
        "/home/me/around.py",
        "async def wrap(scope, receive, send):\n"
        "    found.append(places.user_frame(sys._getframe()))\n"
        "    await waits()\n"
        "    await serve(0, 0, 0)",
    )
    found, texts = [], []
    around["serve"] = app["serve"]
    around["found"] = app["found"] = found
    around["places"] = app["places"] = places
    around["waits"] = app["waits"] = functools.partial(asyncio.sleep, 0)
    place_of = make_place_of(places, lambda text: texts.append(text) or len(texts))
    coroutine = around["wrap"](0, 0, 0)
    for _ in range(2):
        coroutine.send(None)
        place_of(coroutine)
    blamed = [frame and (frame.f_code.co_name, frame.f_lineno) for frame in found]
    waited = [text.split("\t")[1:3] for text in texts]
    assert waited[0] == ["/home/me/around.py", "3"]
    assert blamed[0][0] == "wrap"
    if inner == "app.py":
        assert (blamed[1][0], waited[1]) == ("serve", ["/v/app.py", "3"])
    else:
        assert blamed[1][0] == test_a_middleware_that_awaits_another_app_is_passed_over.__name__
        assert waited[1][0] != "/home/me/around.py"
    coroutine.close()


def test_the_line_in_a_template():
    """Jinja compiles it to code with other lines, under the template's name."""
    template = code_in("/app/page.html", "\n\ndef root(): return stack_frames(sys._getframe())")
    template["__jinja_template__"] = jinja2.Template("a\n{{ 1 }}")
    stack = stack_of(Places(), template["root"]())
    line = template["__jinja_template__"].get_corresponding_lineno(3)
    assert stack.frames[0] == f"\t/app/page.html\t{line}\troot"
    assert line != 3


def test_a_stack_that_does_not_come_from_the_loop_goes_on_around_it():
    """So it is in a greenlet: its outermost frame has none around it."""
    thread_frames = []

    def inside():
        thread_frames.append(sys._getframe())

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()

    def callback():
        return stack_of(Places(), stack_frames(thread_frames[0]) + stack_frames(sys._getframe()))

    assert "callback" in functions(in_a_callback(callback))


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
