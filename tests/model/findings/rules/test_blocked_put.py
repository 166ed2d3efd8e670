"""Tasks that wait to put into a full queue."""

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.testing import Story
from loopviz.wire.awaiting import Awaiting
from loopviz.wire.events import WAIT_GET
from tests.model.findings.stories import HOLDS, WAITS, fed, request

MADE = "/app/db.py\t9\t"
QUEUE = 1


def rules(story, after=0):
    model = fed(story.selects())
    found = {}
    for finding in model.findings(story.now_ns + after):
        found.setdefault(finding.rule, []).append(finding)
    return found


def queue(consumer=True, takes=3):
    """A queue of 5; request 1 takes an item every 400 ms."""
    story = Story().idle(MS).resource(QUEUE, "asyncio.Queue", 5, made_at=MADE)
    if consumer:
        request(story, 1, route="GET /events").phase(1)
        for _ in range(takes):
            story.queue_size(QUEUE, 5).queue_size(QUEUE, 4, by=1).idle(400 * MS).step(
                1, place=HOLDS
            )
    return story.queue_size(QUEUE, 5)


def puts(story, tasks, route="POST /publish"):
    for task in tasks:
        request(story, task, route=route).waits_for(task, QUEUE, place=WAITS).idle(MS)
    return story


def test_fifty_eight_blocked_puts():
    found = rules(puts(queue(), range(10, 68)), 1500 * MS)
    (finding,) = found["blocked-put"]
    assert finding.severity == "error"
    assert finding.sentence == (
        "app/db.py:9 Queue(5) is full: POST /publish has waited 1.6 s so far to put into it in "
        "line 20 of /app/api.py; GET /events takes one every 400 ms"
    )
    assert (finding.open, finding.victims) == (58, 58)
    assert (finding.location.file, finding.location.line) == ("app/api.py", 20)


def test_they_are_not_told_again_as_hanging():
    found = rules(puts(queue(), range(10, 68)), 30 * SECOND)
    assert set(found) == {"blocked-put"}
    assert "GET /events has taken nothing out for 30.1 s" in found["blocked-put"][0].sentence


def test_one_is_enough_if_nothing_is_taken_out():
    assert rules(puts(queue(), [10]), 1500 * MS).get("blocked-put") is None
    (finding,) = rules(puts(queue(), [10]), 2500 * MS)["blocked-put"]
    assert finding.open == 1


def test_nobody_takes():
    (finding,) = rules(puts(queue(consumer=False), [10]), 2500 * MS)["blocked-put"]
    assert finding.sentence.endswith("; nobody has taken anything out")


def test_the_consumer_has_ended():
    story = queue()
    story.response(1, "GET /events").end(1).idle(MS)
    (finding,) = rules(puts(story, [10]), 2500 * MS)["blocked-put"]
    assert finding.sentence.endswith("; GET /events, which took from it, has ended")


def test_a_background_producer_that_its_queue_slows_down_is_none():
    """That is what a bound is for."""
    story = queue()
    story.task(5, "crawl")
    for _ in range(40):
        story.step(5).waits_for(5, QUEUE, place=WAITS).idle(100 * MS)
        story.step(1, place=HOLDS).queue_size(QUEUE, 4, by=1)
        story.step(5, place=WAITS).wait_over(5, QUEUE).queue_size(QUEUE, 5, by=5).idle(MS)
    assert rules(story).get("blocked-put") is None


def test_a_wait_to_take_is_none():
    story = Story().idle(MS).resource(QUEUE, "asyncio.Queue", 5, made_at=MADE)
    for task in range(10, 40):
        request(story, task).waits_for(task, QUEUE, place=WAITS, direction=WAIT_GET).idle(MS)
    assert rules(story, 30 * SECOND).get("blocked-put") is None


def test_the_line_at_which_the_consumer_waits_is_quoted_without_its_comment():
    story = puts(queue(), [10])
    naming = Naming([("/app", "app")], lambda path, line: "await asyncio.sleep(9)  # a phone\n")
    model = Model(naming=naming)
    story.selects().feed(model)
    model.rules.add_awaits([Awaiting(1, HOLDS, (), False)], story.now_ns)
    (finding,) = model.findings(story.now_ns + 2500 * MS)
    assert finding.sentence.endswith("it waits in await asyncio.sleep(9)")
