"""Samples: which line a stall is put down to, and by which call."""

import pytest

from loopviz.clock import MS
from loopviz.model.names import Naming
from loopviz.model.state.stack_samples import StackSamples
from loopviz.model.state.stalls import Stall
from loopviz.wire.endpoint_work import EndpointWork

START = 1000 * MS
STRINGS = [
    "",
    *(f"\t/app/{name}.py\t{line}\tf" for name in "ab" for line in (1, 2)),
    "\t/lib\t9\tg",
]
A1, A2, B1, B2, LIBRARY = range(1, 6)


@pytest.fixture
def samples():
    return StackSamples(Naming())


def add(samples, at, *frames, culprit=0, started=START, gil=False):
    text = f"{'gil:' if gil else ''}{culprit}:{','.join(map(str, frames))}"
    samples.add(started, text, STRINGS, START + at)


def described(samples, lasted=0):
    stall = Stall(START, "x", 0)
    stall.end_ns = lasted and START + lasted
    samples.describe(stall)
    return stall


def line(stall):
    return stall.location and (stall.location.path, stall.location.line)


def test_the_line_that_took_the_most_time_is_to_blame(samples):
    for at in (10, 20, 30):
        add(samples, at * MS, A1)
    add(samples, 100 * MS, A2)
    add(samples, 110 * MS, A1)
    assert line(described(samples)) == ("/app/a.py", 2)
    assert samples.location(START) == described(samples).location


def test_a_sample_that_came_late_stands_for_the_time_before_it(samples):
    """While C code held the GIL nobody could look; what was dumped meanwhile comes first."""
    add(samples, 10 * MS, A1)
    add(samples, 300 * MS, A2)
    add(samples, 300 * MS + 1000, B1)
    assert line(described(samples)) == ("/app/a.py", 2)


MODELS, PAGE, OTHER, STARLETTE, MIDDLEWARE = range(6, 11)
STRINGS += [
    "\t/app/models.py\t30\tAddress.__str__",
    "\t/app/page.py\t7\tpage",
    "\t/app/page.py\t9\tpage",
    "\t/v/site-packages/starlette/routing.py\t5\tapp",
    "\t/app/timing.py\t3\tTiming.__call__",
]
ADMIN, ADMIN_TOO = 11, 12
STRINGS += [
    "\t/v/site-packages/sqladmin/models.py\t978\t_url",
    "\t/v/site-packages/sqladmin/models.py\t991\t_build",
]


def test_a_function_that_took_half_of_the_time_is_to_blame_and_not_what_it_called_by_chance(
    samples,
):
    """No line took half: the innermost function that did, at the line that took most of it."""
    add(samples, 12 * MS, MODELS, PAGE)
    add(samples, 22 * MS, A1, OTHER)
    add(samples, 32 * MS, B1, OTHER)
    stall = described(samples)
    assert (line(stall), stall.call.path) == (("/app/page.py", 9), "/app/a.py")
    assert (stall.seen, stall.seen_ns) == (2, 20 * MS)


def test_users_code_that_a_package_called_now_and_then_is_not_to_blame_for_the_package(samples):
    add(samples, 14 * MS, MODELS, ADMIN)
    add(samples, 24 * MS, ADMIN)
    add(samples, 34 * MS, ADMIN_TOO)
    stall = described(samples)
    assert (stall.package, stall.location.line) == ("sqladmin", 978)


def test_what_called_the_framework_is_not_to_blame_for_it(samples):
    """A middleware of the user's own is around all that happens inside."""
    for at, inside in (12, A1), (22, B1), (31, PAGE):
        add(samples, at * MS, inside, STARLETTE, MIDDLEWARE)
    assert line(described(samples)) == ("/app/a.py", 1), "which took most"


def test_the_call_is_the_frame_just_inside(samples):
    add(samples, 10 * MS, LIBRARY, A1, B1, culprit=1)
    stall = described(samples)
    assert line(stall) == ("/app/a.py", 1)
    assert (stall.call.path, stall.call.function) == ("/lib", "g")
    assert [frame.path for frame in stall.stack] == ["/lib", "/app/a.py", "/app/b.py"]


def test_a_line_that_makes_several_calls_is_one_line(samples):
    add(samples, 10 * MS, A1)
    add(samples, 20 * MS, LIBRARY, B1, culprit=1)
    add(samples, 30 * MS, B1)
    add(samples, 45 * MS, B2, B1, culprit=1)
    stall = described(samples)
    assert line(stall) == ("/app/b.py", 1)
    assert stall.call.line == 2


def test_what_was_never_seen_has_no_line(samples):
    stall = described(samples)
    assert (stall.location, stall.call, stall.stack, stall.cause) == (None, None, (), "callback")


def test_a_sample_without_its_callback_counts_for_the_one_that_ran_then(samples):
    add(samples, 50 * MS, A1, started=0)
    assert line(described(samples, 60 * MS)) == ("/app/a.py", 1)
    assert described(samples, 40 * MS).location is None
    assert line(described(samples)) == ("/app/a.py", 1), "it still runs"


def test_a_dump_is_believed_until_there_is_a_later_sample(samples):
    frames = [STRINGS[LIBRARY], STRINGS[A1]]
    samples.dumped(START + 60 * MS, frames, 1)
    assert line(described(samples)) == ("/app/a.py", 1)
    add(samples, 200 * MS, B1)
    assert line(described(samples)) == ("/app/b.py", 1)


def test_a_dump_after_other_samples_counts_with_them(samples):
    add(samples, 10 * MS, A1)
    samples.dumped(START + 70 * MS, [STRINGS[B1]], 0)
    assert line(described(samples)) == ("/app/b.py", 1)
    add(samples, 200 * MS, A1)
    assert line(described(samples)) == ("/app/a.py", 1)


def test_the_thread_that_had_the_gil_is_another_matter(samples):
    """A look just after the callback counts, too: the watchdog had to wait for the GIL itself."""
    add(samples, 10 * MS, A1)
    add(samples, 60 * MS, B1, gil=True)
    assert line(described(samples)) == ("/app/a.py", 1)
    assert samples.keeps_gil(START, START + 50 * MS).path == "/app/b.py"
    assert samples.keeps_gil(START + 60 * MS, START + 90 * MS) is None


def test_what_is_broken_is_no_sample(samples):
    for text in ("", "x", "0:", "3:1,2", "0:99", "gil:", "-1:1"):
        samples.add(START, text, STRINGS, START + MS)
    assert described(samples).location is None


def test_old_ones_are_forgotten(samples):
    add(samples, 10 * MS, A1)
    samples.forget_before(START + 1)
    assert described(samples).location is None


def test_a_stall_shows_a_bounded_stack(samples):
    add(samples, 10 * MS, *([A1, A2] * 20))
    assert len(described(samples).stack) == 12


@pytest.mark.parametrize(
    ("name", "work"),
    [
        ("body 12000000", EndpointWork("body", 12_000_000)),
        ("body", EndpointWork("body")),
        ("dependencies", EndpointWork("dependencies")),
        ("response", EndpointWork("response")),
    ],
)
def test_an_endpoint_that_fastapi_works_for_has_its_line_and_the_work(name, work):
    """Its line is that of the `def`, not of a decorator before it."""
    source = {7: "@router.post(", 8: '    "/rows",', 9: ")", 10: "async def rows(", 11: "):"}
    samples = StackSamples(Naming((), lambda _, line: source.get(line, "")))
    strings = ["", "\t/lib/json.py\t9\tloads", f"{name}\t/app/a.py\t7\trows"]
    samples.add(START, "1:1,2", strings, START + 30 * MS)
    stall = described(samples, 50 * MS)
    assert (stall.location.function, line(stall)) == ("rows", ("/app/a.py", 10))
    assert (stall.work, stall.info(0).work) == (work, work)
    assert samples.location(START) == stall.location


def test_where_the_source_cannot_be_read_an_endpoint_is_at_its_first_line(samples):
    samples.add(START, "0:1", ["", "response\t/app/a.py\t7\trows"], START + 30 * MS)
    assert line(described(samples, 50 * MS)) == ("/app/a.py", 7)
