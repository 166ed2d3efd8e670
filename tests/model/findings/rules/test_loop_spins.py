"""A loop that is always busy because something is always ready again."""

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from tests.model.findings.stories import fed, request

US = 1_000
POLLS = Location(file="app/api.py", line=30, function="until_done", path="/app/api.py")


def spin(story, seconds, *, work=300 * US, events=0, task=1):
    """A request's task steps again and again, with `work` in each step."""
    request(story, task, route="GET /job")
    for _ in range(seconds * SECOND // (work + 10 * US)):
        story.polls(events=events).step(task, work)
        story.runs(10 * US)
    return story


def spins(story, answer=True):
    model = fed(story.polls())
    model.findings(story.now_ns)
    if answer and model.rules.wanted:
        model.rules.add_stack(model.rules.wanted, (POLLS,))
    return [f for f in model.findings(story.now_ns) if f.rule == "loop-spins"]


def test_a_task_that_polls():
    (finding,) = spins(spin(Story().idle(MS), 4))
    assert finding.severity == "error"
    assert finding.location == POLLS
    assert finding.sentence.startswith("GET /job waits for nothing in line 30 of /app/api.py: 3,2")
    assert finding.sentence.endswith(" steps a second")


def test_until_the_line_is_answered_there_is_none():
    (finding,) = spins(spin(Story().idle(MS), 4), answer=False)
    assert finding.sentence.startswith("GET /job waits for nothing: 3,2")


def test_the_line_is_known_of_the_steps_whose_place_was_recorded():
    """Whoever polls for half a second at a time has ended before its stack could be asked for."""
    story = Story().idle(MS)
    request(story, 1, route="GET /job")
    place = "sleep\t/app/api.py\t31\tuntil_done"
    for number in range(4 * SECOND // (310 * US)):
        story.polls().step(1, 300 * US, place="" if number % 1000 else place)
        story.runs(10 * US)
    (finding,) = spins(story, answer=False)
    assert (finding.location.line, finding.location.function) == (31, "until_done")
    assert finding.sentence.startswith("GET /job waits for nothing in line 31 of /app/api.py: 3,2")


def test_one_second_is_a_burst():
    assert spins(spin(Story().idle(MS), 1).idle(3 * SECOND)) == []


def test_a_busy_server_has_io_in_its_iterations():
    assert spins(spin(Story().idle(MS), 4, events=1)) == []


def test_few_long_steps_are_work():
    assert spins(spin(Story().idle(MS), 4, work=5 * MS)) == []


def test_a_callback_that_schedules_itself():
    story = Story().idle(MS)
    for _ in range(4 * 3200):
        story.polls().callback("again\t/app/api.py\t40\tagain", 300 * US).runs(10 * US)
    (finding,) = spins(story)
    assert finding.sentence.startswith("again schedules itself again at once: 3,")
    assert finding.location.line == 40


def test_most_records_of_it_are_lost():
    """It writes faster than a full machine reads: the time in between is not known to be idle."""
    story = poll(request(Story().idle(MS), 50, route="GET /job").polls(), 50, 100 * MS)
    model = fed(story)
    for task in range(1, 24, 2):
        poll(request(story, task, route="GET /job"), task, 200 * MS)
        story.batch()
        model.lost(1000, story.now_ns)
        poll(story, task, 100 * MS)  # what task it is is not known
        poll(request(story, task + 1, route="GET /job"), task + 1, 300 * MS)
        story.feed(model)
    (finding,) = [f for f in model.findings(story.now_ns) if f.rule == "loop-spins"]
    assert finding.sentence.startswith("GET /job waits for nothing in line 31 of /app/api.py: 3,2")


def test_few_records_between_which_some_are_lost_and_the_loop_is_idle():
    story = Story().idle(MS).polls()
    model = fed(story)
    for task in range(1, 8):
        poll(request(story, task, route="GET /job"), task, 300 * MS)
        story.idle(300 * MS).feed(model)
        poll(story, task, 100 * MS)
        story.batch()
        model.lost(1000, story.now_ns)
    assert [f for f in model.findings(story.now_ns) if f.rule == "loop-spins"] == []


def poll(story, task, ns):
    """The task steps again and again for so long; the place of some steps is recorded."""
    place = "sleep\t/app/api.py\t31\tuntil_done"
    for number in range(ns // (310 * US)):
        story.polls().step(task, 300 * US, place="" if number % 100 else place)
        story.runs(10 * US)
    return story
