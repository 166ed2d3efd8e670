"""Whatever events come, in whatever order: the rules cope, and keep nothing for ever."""

import random

import pytest

from loopviz.clock import MS, SECOND
from loopviz.testing import Story
from tests.model.findings.stories import HOLDS, MADE, SPAWNED, WAITS, Crowd, fed, request

KINDS = ["asyncio.Lock", "asyncio.Semaphore", "sqlalchemy.pool", "asyncio.Queue", "httpcore.pool"]


def anything(seed, length):
    """Records of all kinds, that need not make sense together."""
    rng = random.Random(seed)
    story = Story().idle(MS)
    for number, kind in enumerate([*KINDS, "ThreadPoolExecutor", "anyio.CapacityLimiter"], 1):
        story.resource(number, kind, number % 3, made_at=MADE)

    def task():
        return rng.randrange(1, 30)

    def resource():
        return rng.randrange(1, 9)

    words = [
        lambda: story.task(task(), SPAWNED, parent=task()),
        lambda: story.step(task(), rng.randrange(30) * MS, place=rng.choice(["", HOLDS])),
        lambda: story.idle(rng.randrange(2 * SECOND)),
        lambda: story.end(task(), rng.randrange(3)),
        lambda: request(story, task()),
        lambda: story.response(task(), "GET /a", rng.choice([0, 200, 500])),
        lambda: story.waits_for(task(), resource(), place=WAITS, direction=rng.randrange(2)),
        lambda: story.wait_over(task(), resource()),
        lambda: story.acquires(task(), resource(), rng.randrange(4)),
        lambda: story.releases(task(), resource(), rng.randrange(4)),
        lambda: story.queue_size(resource(), rng.randrange(9)),
        lambda: story.job(task(), resource(), by=task()),
        lambda: story.job_starts(task(), resource()),
        lambda: story.job_ends(task(), resource()),
        lambda: story.never_retrieved(task(), "ValueError"),
        lambda: story.destroyed(task()),
        lambda: story.disconnects(task()),
        lambda: story.http_call(task(), "up", rng.choice([0, 200, 503]), place=HOLDS),
        lambda: story.resource(resource(), rng.choice(KINDS), 1, made_at=MADE, by=task()),
    ]
    for _ in range(length):
        rng.choice(words)()
    return story


@pytest.mark.parametrize("seed", range(20))
def test_anything_goes(seed):
    story = anything(seed, 2000)
    model = fed(story)
    for found in model.findings():
        assert found.count > 0, found
        assert found.sentence
        assert found.worst_ns <= found.total_ns, found
    assert model.findings() == model.findings(), "asking changes nothing"
    model.lost(5, story.now_ns)
    model.stop(story.now_ns + SECOND)


def test_after_lost_events_nobody_waits():
    story = Crowd("sqlalchemy.pool", 1).story
    for task in range(1, 9):
        request(story, task).waits_for(task, 1, place=WAITS).idle(300 * MS)
    model = fed(story)
    assert [f.rule for f in model.findings()] == ["pool-exhausted"]
    model.lost(9, story.now_ns)
    assert model.findings() == ()


def test_what_is_over_is_forgotten():
    """Nothing is kept of tasks and requests that have ended."""
    model = fed(Story())
    story = Crowd("asyncio.Lock", 1)
    for _ in range(10):
        story.serve(range(0, 500, 10), holds=20).story.feed(model)
    kept = [
        (rule.info.id, name, len(value))
        for rule in model.rules.rules
        for name, value in vars(rule).items()
        if name.startswith("_") and hasattr(value, "__len__") and len(value) > 1
    ]
    assert kept == []
