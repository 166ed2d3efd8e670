"""What is read from the user's code: what to write instead of a line."""

import pytest

from loopviz.model.findings.code import Code
from loopviz.model.names import Naming
from loopviz.model.snapshot import Location

SOURCE = """\
import asyncio, bcrypt, json


async def login(user, password):
    if not bcrypt.checkpw(password.encode(), user.hashed):
        return None
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", 9).hex()
    text = json.dumps(rows_of(user))
    await asyncio.sleep(1)
    return render(
        user,
        text,
    )


def render(user, text):
    return template.render(user=user, text=text)


async def count(connection):
    return await connection.scalar(text("SELECT 1"))


async def prices(items, client):
    for item in items:
        await client.price(item)
    for attempt in range(3):
        try:
            return await client.price(items[0])
        except OSError:
            await asyncio.sleep(0.1)
    while True:
        page = await client.page(items)
    for item in items:
        for part in item:
            if not part:
                break
        await client.price(item)
    async with client.price(1) as one, client.price(2):
        pass
    return [await client.price(item) for item in items]
"""
PATH = "/app/api.py"


@pytest.fixture
def code():
    lines = SOURCE.splitlines(keepends=True)
    return Code(Naming([("/app", "")], lambda _path, n: lines[n - 1] if n <= len(lines) else ""))


def at(line, function="login"):
    return Location(file="api.py", line=line, function=function, path=PATH)


def line_of(text, nth=0):
    lines = [n for n, line in enumerate(SOURCE.splitlines(), 1) if text in line]
    return lines[nth]


@pytest.mark.parametrize(
    ("text", "called", "instead"),
    [
        ("checkpw", "", "bcrypt.checkpw, password.encode(), user.hashed"),
        ("hashlib", "", "hashlib.pbkdf2_hmac, …"),
        ("json.dumps", "dumps", "json.dumps, rows_of(user)"),
        ("json.dumps", "rows_of", "rows_of, user"),
        ("return render(", "render", "render, user, text"),
    ],
)
def test_a_blocking_call_in_a_thread(code, text, called, instead):
    where = at(line_of(text))
    found = code.unblocked([where], called)
    assert found[:2] == (f"await asyncio.to_thread({instead})", where)


def test_what_to_write_is_found_out_once():
    """A finding is told several times a second."""
    asked = []

    def source_line(_path, number):
        asked.append(number)
        return dict(enumerate(SOURCE.splitlines(keepends=True), 1)).get(number, "")

    code = Code(Naming([("/app", "")], source_line))
    stack = [at(line_of("json.dumps"))]
    assert code.unblocked(stack, "dumps") is code.unblocked(list(stack), "dumps")
    assert len(asked) == len(set(asked))
    assert code.unblocked(stack, "") is None, "another call is another question"


def test_what_is_slow_beside_an_await_may_be_within_it(code):
    where = at(line_of("SELECT 1"))
    assert code.call(where) is None
    assert code.unblocked([where], "text") is not None, "unless it is known by name"


def test_which_of_two_calls_is_slow_may_not_be_known(code):
    assert code.unblocked([at(line_of("json.dumps"))], "") is None


def test_a_def_is_called_in_a_thread_where_it_is_called(code):
    caller = at(line_of("return render("))
    stack = [at(line_of("template.render"), "render"), caller]
    assert code.unblocked(stack, "Template.render") == (
        "await asyncio.to_thread(render, user, text)",
        caller,
        ", or a process pool if it computes",
    )


def test_awaits_in_a_loop_are_gathered(code):
    instead = "await asyncio.gather(*(client.price(item) for item in items))"
    assert code.gathered(at(line_of("await client.price(item)"))) == instead
    assert code.gathered(at(line_of("asyncio.sleep(1)"))) == ""


@pytest.mark.parametrize(
    ("text", "nth", "repeats"),
    [
        ("await client.price(item)", 0, False),
        ("return await client.price(items[0])", 0, True),
        ("asyncio.sleep(0.1)", 0, True),
        ("client.page", 0, True),
        ("await client.price(item)", 1, False),
        ("[await client.price", 0, False),
        ("asyncio.sleep(1)", 0, False),
    ],
)
def test_a_loop_that_goes_on_by_what_its_last_round_gave(code, text, nth, repeats):
    assert code.repeats_by_result(at(line_of(text, nth))) is repeats


@pytest.mark.parametrize("source", ["def f(:\n", "", "x\n" * 6000, "\0"])
def test_what_cannot_be_read_is_not_known(source):
    lines = source.splitlines(keepends=True)
    code = Code(Naming((), lambda _path, n: lines[n - 1] if n <= len(lines) else ""))
    assert code.call(at(1)) is None
    assert code.unblocked([at(1)], "f") is None
    assert code.gathered(at(1)) == ""
    assert not code.repeats_by_result(at(1))


# ---- what is not awaited, of libraries that are imported

BLOCKING = """\
import time, requests
from time import sleep as nap


async def report(url, rows):
    time.sleep(0.2)
    nap(rows)
    page = requests.get(url, timeout=3)
    rows.sleep(1)
    total = sum(fetch(url) for url in rows)
    for row in parts(rows):
        pass
    alias(rows)
    return holder.slow + fetch(url)


def parts(rows):
    for row in rows:
        yield fetch(row)


def slow(rows):
    fetch(rows)


alias = slow
"""


def reading(text):
    """The code, and a function: the line with that part."""
    lines = text.splitlines(keepends=True)
    naming = Naming([("/app", "")], lambda _path, n: lines[n - 1] if n <= len(lines) else "")
    return Code(naming), lambda part, function="report": at(
        next(n for n, line in enumerate(lines, 1) if part in line), function
    )


@pytest.mark.parametrize(
    ("part", "called", "code", "more"),
    [
        ("time.sleep(0.2)", "", "await asyncio.sleep(0.2)", ""),
        ("nap(rows)", "", "await asyncio.sleep(rows)", ""),
        (
            "requests.get",
            "get",
            "await asyncio.to_thread(requests.get, url, timeout=3)",
            ", or httpx's `AsyncClient`",
        ),
        (
            "rows.sleep(1)",
            "",
            "await asyncio.to_thread(rows.sleep, 1)",
            ", or a process pool if it computes",
        ),
    ],
)
def test_what_is_written_instead_of_a_librarys_call(part, called, code, more):
    known, line = reading(BLOCKING)
    assert known.unblocked([line(part)], called) == (code, line(part), more)


def test_nothing_is_said_of_what_a_thread_would_not_run():
    code, line = reading(BLOCKING)
    assert code.unblocked([line("sum(")], "fetch") is None, "the sum would get coroutines"
    stack = [line("yield fetch", "parts"), line("in parts(rows)")]
    assert code.unblocked(stack, "fetch") is None, "a generator runs where it is iterated"


@pytest.mark.parametrize("part", ["alias(rows)", "holder.slow"])
def test_nothing_is_said_of_a_def_that_is_not_called_by_its_name(part):
    code, line = reading(BLOCKING)
    assert code.unblocked([line("    fetch(rows)", "slow"), line(part)], "fetch") is None


HOLDS = """\
engine = create_async_engine(URL, pool_size=5, echo=False)
gate = asyncio.Semaphore(10)
sized = asyncio.Semaphore(SIZE)


async def order(session):
    async with Session() as session:
        await session.execute(text("SELECT 1"))
        await quote(1)
        answer = quote(2)
    await gate.acquire()
    await quote(3)
    await pool.acquire(timeout=3)
    async with (
        AsyncClient(limits=Limits(max_connections=None)) as unbounded,
        AsyncClient(limits=Limits(max_connections=8)) as eight,
    ):
        pass
"""


def test_the_number_that_a_line_gives_for_an_argument():
    code, line = reading(HOLDS)
    assert code.argument(line("create_async"), "pool_size") == 5
    assert code.argument(line("create_async"), "max_overflow") is None
    assert code.argument(line("gate = "), "value") == 10
    assert code.argument(line("sized"), "value") is None
    assert code.argument(line("eight"), "max_connections") == 8
    assert code.argument(line("unbounded"), "max_connections") is None


@pytest.mark.parametrize(
    ("part", "known"),
    [("quote(1)", True), ("SELECT 1", False), ("quote(2)", False), ("quote(3)", False)],
)
def test_a_line_that_may_do_without_what_is_held(part, known):
    code, line = reading(HOLDS)
    assert code.may_do_without(line(part)) is known


@pytest.mark.parametrize(
    ("part", "text"),
    [("gate.acquire", "async with gate:"), ("pool.acquire", ""), ("quote(3)", "")],
)
def test_a_block_that_releases_by_itself(part, text):
    code, line = reading(HOLDS)
    assert code.releases_itself(line(part)) == text


WAITING = """\
import asyncio
from fastapi import FastAPI
from concurrent.futures import ThreadPoolExecutor


async def send(loop, pool, thread):
    future = asyncio.run_coroutine_threadsafe(work(1), loop)
    future.result()
    asyncio.run_coroutine_threadsafe(work(2), loop).result(timeout=3)
    job = pool.submit(compute, 3)
    job.result()
    table.result()
    thread.join()


async def stream():
    for chunk in generate(4):
        yield chunk
    parts = list(generate(5))


def generate(n):
    for i in range(n):
        yield fetch(i)


async def token():
    with lock:
        return await refresh()
    with self._lock, other:
        await refresh()
    with lock:
        later = lambda: refresh()
    with session() as one:
        await refresh()
    with lock:
        async def inner():
            await refresh()
    async with lock:
        await refresh()
"""


@pytest.mark.parametrize(
    ("part", "called", "instead"),
    [
        (
            "    future.result",
            "Future.result",
            "await work(1)`, or, of a loop in another thread, `await asyncio.wrap_future(future)",
        ),
        (
            "timeout=3",
            "Future.result",
            "await work(2)`, or, of a loop in another thread, "
            "`await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(2), loop))",
        ),
        ("job.result", "Future.result", "await asyncio.wrap_future(job)"),
        ("table.result", "Table.result", "await asyncio.to_thread(table.result)"),
        ("thread.join", "Thread.join", "await asyncio.to_thread(thread.join)"),
    ],
)
def test_a_future_of_another_thread_is_awaited(part, called, instead):
    code, line = reading(WAITING)
    assert code.unblocked([line(part, "send")], called).code == instead


def test_a_thread_that_is_waited_for_does_not_compute():
    code, line = reading(WAITING)
    assert code.unblocked([line("thread.join", "send")], "Thread.join").more == ""
    assert code.unblocked([line("table.result", "send")], "Table.result").more


def test_a_generator_that_blocks_is_run_in_threads():
    code, line = reading(WAITING)
    fetches = line("yield fetch", "generate")
    assert code.unblocked([fetches, line("generate(4)", "stream")], "fetch") == (
        "async for chunk in iterate_in_threadpool(generate(4))",
        line("generate(4)", "stream"),
        " (of `starlette.concurrency`)",
    )
    assert code.unblocked([fetches, line("generate(5)", "stream")], "fetch") is None
    code, line = reading(WAITING.replace("fastapi", "quart"))
    assert code.unblocked([fetches, line("generate(4)", "stream")], "fetch") is None


def test_a_lock_that_is_kept_while_its_block_awaits():
    code, _ = reading(WAITING)
    lines = WAITING.splitlines()
    locks = {n: code.keeps_lock(at(n)) for n, line in enumerate(lines, 1) if "with " in line}
    assert [*locks.values()] == ["lock", "", "", "", "", ""]
