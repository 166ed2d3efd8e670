"""Stalls, and whom they make wait."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.model.snapshot import Location
from loopviz.model.snapshot.breakdown import breakdown
from loopviz.testing import Story
from loopviz.wire.endpoint_work import EndpointWork
from tests.model.findings.stalls import T0, model_of, stall


def test_a_stall_is_a_finding_with_its_line():
    story = stall(Story().idle(MS)).idle(MS)
    model = model_of(story, to_thread=["slow-callback"], plain_def=["slow-callback"])
    (found,) = model.findings()
    assert (found.rule, found.title, found.count) == ("slow-callback", "SLOW CALLBACK", 1)
    assert (found.worst_ns, found.total_ns) == (50 * MS, 50 * MS)
    assert found.last_ns == T0 + 51 * MS
    assert found.location == Location(
        file="scenarios/block.py", line=10, function="report", path="/app/block.py"
    )
    assert found.source == "line 10 of /app/block.py"
    assert (found.victims, found.victim_wait_ns) == (0, 0)
    assert found.suggested_fix == "to_thread"
    assert found.severity == "warning", "a single one is no error yet"
    assert found.sentence == ("GET /report blocked the loop 50 ms in line 10 of /app/block.py")


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        pytest.param([(12, False), (12, False)], " in line 10 of /app/a.py", id="seen twice"),
        pytest.param([(12, True), (12, False)], " in line 10 of /app/a.py", id="asleep in a call"),
        pytest.param([(26, False)], " in line 10 of /app/a.py", id="C code had the GIL until then"),
        pytest.param([(12, False)], "; it was seen once, in line 10 of /app/a.py", id="seen once"),
    ],
)
def test_a_line_that_was_seen_once_is_not_told_for_sure(looks, told):
    """It may have been met by chance."""
    story = Story().idle(MS).task(1).step(1).request(1, "GET /a")
    for ms, asleep in looks:
        story.runs(ms * MS).sampled("/app/a.py", 10, "f", asleep=asleep)
        if asleep:
            break
    ran = story.now_ns - T0 - MS
    story.runs(30 * MS - ran).response(1, "GET /a").end(1).idle(MS)
    (found,) = model_of(story).findings()
    assert found.sentence == f"GET /a blocked the loop 30 ms{told}"


def test_in_a_second_stall_the_same_line_is_no_chance():
    story = Story().idle(MS)
    for task in (1, 2):
        story.task(task).step(task).request(task, "GET /a").runs(12 * MS)
        story.sampled("/app/a.py", 10, "f").runs(12 * MS).response(task, "GET /a").end(task).idle(
            MS
        )
    (found,) = model_of(story).findings()
    assert found.sentence == "GET /a blocked the loop 24 ms in line 10 of /app/a.py"


@pytest.mark.parametrize(
    ("file", "work", "told"),
    [
        (
            "/app/a.py",
            "dependencies",
            "; it was seen once, solving the dependencies of f, before it ran",
        ),
        ("/v/site-packages/shop/a.py", "", " in code of shop; it was seen once, in line 10 of "),
    ],
)
def test_what_was_done_and_whose_code_it_was_was_seen_once(file, work, told):
    story = Story().idle(MS).task(1).step(1).request(1, "GET /a").runs(12 * MS)
    story.sampled(file, 10, "f", work=work).runs(12 * MS).response(1, "GET /a").end(1).idle(MS)
    (found,) = model_of(story).findings()
    assert found.sentence.startswith(f"GET /a blocked the loop 24 ms{told}")


def test_the_same_line_again_is_the_same_finding():
    story = Story().idle(MS)
    for task, ms in enumerate((50, 80, 30), 1):
        stall(story, task, ms).idle(MS)
    (found,) = model_of(story).findings()
    assert (found.count, found.worst_ns, found.total_ns) == (3, 80 * MS, 160 * MS)
    assert (found.severity, found.last_ns) == ("error", story.now_ns - MS)


def test_in_a_package_a_route_is_one_finding():
    """No line of it is the user's, and which one was sampled depends on chance."""
    story = Story().idle(MS)
    for task, (route, line, ms) in enumerate(
        [
            ("GET /a", 10, 50),
            ("GET /a", 12, 40),
            ("GET /b", 10, 25),
            ("GET /a", 14, 60),
            ("GET /a", 12, 40),
        ],
        1,
    ):
        story.task(task).step(task).request(task, route).runs(ms * MS)
        story.sampled("/v/site-packages/shop/views.py", line, "page")
        story.response(task, route).end(task).idle(MS)
    found = model_of(story).findings()
    assert [(one.count, one.location.line, one.sentence) for one in found] == [
        (
            4,
            12,
            "GET /a blocked the loop 60 ms in code of shop, at several lines, longest in "
            "line 12 of /v/site-packages/shop/views.py",
        ),
        (
            1,
            10,
            "GET /b blocked the loop 25 ms in code of shop, most in "
            "line 10 of /v/site-packages/shop/views.py",
        ),
    ]


@pytest.mark.parametrize(
    ("file", "label"),
    [("/v/site-packages/starlette/responses.py", "GET /a"), ("/app/x.py", "wrap")],
)
def test_a_library_s_task_is_called_by_its_request(file, label):
    story = Story().idle(MS).task(1).step(1).request(1, "GET /a").runs(MS)
    story.task(2, f"wrap\t{file}\t1\twrap", parent=1).step(2).runs(30 * MS)
    story.sampled("/app/block.py", 10, "report").end(2).idle(MS)
    (found,) = model_of(story).findings()
    assert found.sentence.startswith(f"{label} blocked the loop 30 ms")


@pytest.mark.parametrize(
    ("ns", "findings"),
    [(19_900_000, 0), (19_999_999, 0), (20_000_000, 1), (20_000_001, 1)],
)
def test_what_counts_as_slow(ns, findings):
    story = Story().idle(MS).callback("f", ns).idle(MS)
    model = model_of(story)
    assert len(model.findings()) == findings
    assert len(model.snapshot(story.now_ns, SECOND).loop.stalls) == findings


def test_many_quick_ones_in_a_row_are_no_stall():
    story = Story().idle(MS)
    for _ in range(100):
        story.callback("f", 19 * MS)
    assert model_of(story.idle(MS)).findings() == ()


def test_a_long_sleep_in_select_is_no_stall():
    assert model_of(Story().idle(10 * SECOND).callback("f").idle(SECOND)).findings() == ()


def test_the_worst_comes_first():
    story = Story().idle(MS)
    stall(story, 1, 30, line=1).idle(MS)  # a warning
    stall(story, 2, 50, line=2).idle(MS)
    stall(story, 3, 50, line=2).idle(MS)  # an error
    stall(story, 4, 90, line=3).idle(MS)
    stall(story, 5, 90, line=3).idle(MS)  # a longer one
    found = model_of(story).findings()
    assert [(f.severity, f.location.line) for f in found] == [
        ("error", 3),
        ("error", 2),
        ("warning", 1),
    ]


def test_the_line_that_was_seen_most_often_is_blamed():
    story = Story().idle(MS).callback("f")
    for line in (1, 2, 2, 3, 2):
        story.runs(10 * MS).sampled("/app/x.py", line)
    (found,) = model_of(story.idle(MS)).findings()
    assert found.location.line == 2


def test_a_stall_that_no_one_sampled_is_still_counted():
    (found,) = model_of(Story().idle(MS).callback("f", 30 * MS).idle(MS)).findings()
    assert (found.location, found.source, found.count) == (None, "", 1)
    assert found.sentence == "A callback took 30 ms; its line was not seen"


def test_a_stall_is_there_while_it_runs():
    story = Story().idle(MS).task(1).step(1).request(1, "GET /report").runs(10 * MS)
    model = model_of(story)
    began = story.now_ns - 10 * MS
    snapshot = model.snapshot(story.now_ns, SECOND)
    assert snapshot.loop.stalls == ()
    assert (snapshot.loop.running.since_ns, snapshot.loop.running.location) == (began, None)
    story.sampled("/app/block.py", 10, "report").runs(25 * MS).feed(model)
    snapshot = model.snapshot(story.now_ns, SECOND)
    (seen,) = snapshot.loop.stalls
    assert (seen.open, seen.start_ns, seen.end_ns) == (True, began, story.now_ns)
    assert (seen.label, seen.location.line, seen.request) == ("GET /report", 10, 1)
    assert snapshot.loop.running.location.line == 10
    assert snapshot.findings == (), "it is counted when it has ended"
    story.response(1, "GET /report").end(1).runs(200 * MS).idle(MS).feed(model)
    (seen,) = model.snapshot(story.now_ns, SECOND).loop.stalls
    assert (seen.open, seen.end_ns - seen.start_ns) == (False, 235 * MS)
    (found,) = model.snapshot(story.now_ns, SECOND).findings
    assert (found.count, found.worst_ns) == (1, 235 * MS)


def victim_story(sent_after_ms=10, ready_after_ms=20):
    """A request that is sent, and becomes ready, while another blocks the loop for 50 ms."""
    story = Story().idle(MS).task(1).step(1).request(1, "GET /report").runs(25 * MS)
    began = story.started_ns
    story.sampled("/app/block.py", 10).runs(25 * MS).response(1, "GET /report").end(1)
    story.polls().callback("data_received", MS).task(2).polls()
    waited = story.now_ns - (began + ready_after_ms * MS)
    story.step(2, waited=waited).request(2, "GET /ping", sent_ns=began + sent_after_ms * MS)
    return story.runs(MS).response(2, "GET /ping").end(2).idle(MS)


def test_a_victim_waits_as_long_as_it_overlaps_with_the_stall():
    (found,) = model_of(victim_story()).findings()
    assert (found.victims, found.victim_wait_ns) == (1, 40 * MS)
    (found,) = model_of(victim_story(sent_after_ms=-0.5)).findings()
    assert found.victim_wait_ns == 50 * MS


def test_the_stall_knows_its_victims():
    story = victim_story()
    (seen,) = model_of(story).snapshot(story.now_ns, SECOND).loop.stalls
    assert seen.victims == 1


def test_who_was_not_ready_is_no_victim():
    """It awaited something else all the while."""
    story = Story().task(2).step(2).request(2, "GET /ping").idle(MS)
    stall(story).idle(MS).step(2, MS).response(2, "GET /ping").end(2).idle(MS)
    (found,) = model_of(story).findings()
    assert (found.count, found.victims) == (1, 0)


def test_no_one_is_their_own_victim():
    story = Story().task(1).step(1).request(1, "GET /report").runs(50 * MS)
    story.step(1, 50 * MS, waited=40 * MS).response(1, "GET /report").end(1).idle(MS)
    (found,) = model_of(story).findings()
    assert (found.count, found.victims) == (2, 0)


def test_a_request_is_one_victim_of_a_line_however_often_it_waits():
    """Its waits add up; and it may be the victim of several lines."""
    story = Story().task(9).step(9).request(9, "GET /ping")
    for task, line in enumerate((10, 10, 20), 1):
        stall(story, task, 50, line)
        story.step(9, MS, waited=30 * MS)
    story.response(9, "GET /ping").end(9).idle(MS)
    by_line = {f.location.line: f for f in model_of(story).findings()}
    assert (by_line[10].count, by_line[10].victims, by_line[10].victim_wait_ns) == (
        2,
        1,
        60 * MS,
    )
    assert (by_line[20].count, by_line[20].victims, by_line[20].victim_wait_ns) == (1, 1, 30 * MS)


def test_a_wait_of_less_than_a_millisecond_makes_no_victim():
    story = Story().task(2).step(2).request(2, "GET /ping").idle(MS)
    stall(story)
    story.step(2, MS, waited=MS - 1).response(2, "GET /ping").end(2).idle(MS)
    (found,) = model_of(story).findings()
    assert found.victims == 0


@pytest.mark.parametrize(
    ("work", "told"),
    [
        ("body 12000000", "parsing and validating the body (12 MB), before import_rows ran"),
        ("body", "parsing and validating the body, before import_rows ran"),
        ("dependencies", "solving the dependencies of import_rows, before it ran"),
        ("response", "serialising the response of import_rows, after it returned"),
        ("other", "in FastAPI's own work for import_rows"),
    ],
)
def test_what_fastapi_does_around_an_endpoint_is_told_as_that(work, told):
    story = Story().idle(MS).task(1).step(1).request(1, "POST /import").runs(30 * MS)
    story.sampled("/app/api.py", 50, "import_rows", calls="/v/pydantic/main.py", work=work)
    story.runs(50 * MS).response(1, "POST /import").end(1).idle(MS)
    model = model_of(story)
    (finding,) = model.findings()
    assert finding.sentence == f"POST /import blocked the loop 80 ms {told}"
    assert finding.location.line == 50
    (seen,) = model.snapshot(story.now_ns, SECOND).loop.stalls
    assert finding.work == seen.work
    request = model.snapshot(story.now_ns, SECOND).requests[0]
    blocking = breakdown(model.snapshot(story.now_ns, SECOND), request).parts[0]
    assert (blocking.kind, blocking.what) == ("blocking", told)


def test_the_work_before_an_endpoint_and_after_it_are_two_findings():
    story = Story().idle(MS)
    for task, work in ((1, "body 900"), (2, "response"), (3, "body 40000"), (4, "")):
        story.task(task).step(task).request(task, "POST /import").runs(30 * MS)
        story.sampled("/app/api.py", 50, "import_rows", work=work).runs(30 * MS)
        story.response(task, "POST /import").end(task).idle(MS)
    found = model_of(story).findings()
    assert sorted((f.count, f.work) for f in found if f.work) == [
        (1, EndpointWork("response")),
        (2, EndpointWork("body", 40_000)),
    ]
    assert [f.count for f in found if f.work is None] == [1]


@pytest.mark.parametrize("text", ["", "x", "0:", "5:1,2", "0:99", "gil:", "gil:0:x", ":1"])
def test_a_sample_that_makes_no_sense_is_passed_over(text):
    story = Story().idle(MS).callback("f", 30 * MS)
    model = Model()
    from loopviz.wire.events import Kind

    story._aux.write(story.now_ns, Kind.STALL, story.started_ns, 0, story._aux.intern(text))
    story.idle(MS).feed(model)
    (found,) = model.findings()
    assert found.location is None


EMIT = "\t/app/log.py\t8\tHttpHandler.emit"
HANDLE = "\t/usr/lib/python3.11/logging/__init__.py\t978\tHandler.handle"
CALLER = "\t/app/api.py\t20\torder"


@pytest.mark.parametrize("frames", [(EMIT, HANDLE, CALLER), (HANDLE, CALLER)])
def test_a_handler_of_log_records_belongs_into_a_thread(frames):
    story = Story(T0).idle(MS).task(1).step(1).request(1, "GET /a").runs(25 * MS)
    culprit = 0 if frames[0] is EMIT else 1
    story.sampled_stack(*frames, culprit=culprit, asleep=True).runs(25 * MS)
    (finding,) = model_of(story.response(1, "GET /a").end(1).idle(MS)).findings()
    assert finding.location.path == frames[culprit].split("\t")[1]
    assert finding.advice.startswith("log through a `QueueHandler`")


def test_a_lock_of_threads_that_its_block_keeps():
    source = ["async def token():", "    with lock:", "        return await refresh()"]
    naming = Naming([("/app", "app")], lambda _, n: source[n - 1] + "\n" if n <= 3 else "")
    story = Story(T0).idle(MS).task(1).step(1).request(1, "GET /a").runs(25 * MS)
    story.sampled("/app/api.py", 2, "token", asleep=True).runs(2 * SECOND)
    model = Model(naming=naming)
    story.response(1, "GET /a").end(1).idle(MS).feed(model)
    (finding,) = model.findings()
    assert finding.advice == (
        "an `asyncio.Lock` and `async with`: `lock` is held while the block awaits"
    )


def test_what_to_write_instead_is_known_however_deep_the_library_is():
    source = "async def order(db):\n    db.execute(1)\n".splitlines(keepends=True)
    naming = Naming([("/app", "app")], lambda _, n: source[n - 1] if n <= 2 else "")
    deep = [f"\t/v/site-packages/pool.py\t{line}\tf{line}" for line in range(20)]
    frames = [*deep, "\t/v/site-packages/db.py\t1\tDb.execute", "\t/app/api.py\t2\torder"]
    story = Story(T0).idle(MS).task(1).step(1).request(1, "GET /a").runs(25 * MS)
    story.sampled_stack(*frames, culprit=len(frames) - 1, asleep=True).runs(25 * MS)
    model = Model(naming=naming)
    story.response(1, "GET /a").end(1).idle(MS).feed(model)
    (finding,) = model.findings()
    assert finding.advice.startswith("`await asyncio.to_thread(db.execute, 1)`")


def test_a_timeout_within_a_stall_follows_from_it():
    """The request fails in the step that blocks the loop, before that has ended."""
    story = Story(T0).idle(MS)
    for task in (1, 2):
        story.task(task).step(task).request(task, "GET /a").runs(500 * MS)
        story.sampled("/app/api.py", 10, "order", asleep=True).runs(500 * MS)
        story.raises(task, "sqlalchemy.TimeoutError: limit", place="\t/app/api.py\t10\torder")
        story.response(task, "GET /a", 500).end(task).runs(MS).idle(MS)
    (finding,) = model_of(story).findings()
    assert finding.rule == "slow-callback"
    assert [one.rule for one in finding.consequences] == ["requests-fail"]
