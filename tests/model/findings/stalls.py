"""Requests that block the loop."""

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.names import Naming

T0 = 1024 * SECOND


def model_of(story, **answers):
    """A model that has heard the story; `answers` has the rules of each fix."""
    naming = Naming([("/app", "scenarios")], lambda path, line: f"  line {line} of {path}\n")
    model = Model(fixes=[*answers], naming=naming, answers=answers)
    story.feed(model)
    return model


def stall(story, task=1, ms=50, line=10, *, route="GET /report"):
    """A request that blocks the loop."""
    story.task(task).step(task).request(task, route).runs(ms * MS // 2)
    story.sampled("/app/block.py", line, "report").runs(ms * MS - ms * MS // 2)
    return story.response(task, route).end(task)
