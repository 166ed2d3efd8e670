"""Stories with queues in them, and what the rules find."""

import heapq

from loopviz.clock import MS
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.testing import Story

WAITS = "\t/app/api.py\t20\torder"
HOLDS = "socket\t/app/api.py\t21\torder"
MADE = "/app/db.py\t9\t"
CYCLE = "run_asgi\t/v/site-packages/uvicorn/server.py\t7\tf"
SPAWNED = "refresh\t/app/api.py\t30\torder"


def fed(story, *fixes, **options):
    """A model that has heard the story."""
    naming = Naming([("/app", "app")], lambda path, line: f"  line {line} of {path}\n")
    model = Model(fixes=fixes, naming=naming, **options)
    story.feed(model)
    return model


def found(story, rule=None, **options):
    """The findings of that rule, of all rules without."""
    findings = fed(story, **options).findings()
    return [f for f in findings if rule is None or f.rule == rule]


def rules_of(story):
    return {f.rule for f in found(story)}


class Crowd:
    """Customers who come at set times, take a unit each, first come first served, and leave.

    `story` is what the probe would have recorded; `waits` how long each had to wait, in ms.
    """

    def __init__(self, kind, capacity, *, name="", made=MADE, story=None, route="GET /order"):
        self.story = story or Story().idle(MS)
        self.story.resource(1, kind, capacity, name=name, made_at=made)
        self.capacity = capacity
        self.route = route
        self.waits = []
        self._next = 0
        self._in_use = 0

    def serve(self, arrivals, holds):
        """At these ms from now; each holds its unit for so many ms, waiting at `HOLDS`."""
        story, due, queue = self.story, [(at, i, 0) for i, at in enumerate(arrivals)], []
        now, order = 0, len(due)

        def take(task):
            nonlocal order
            self._in_use += 1
            story.acquires(task, 1, self._in_use)
            order += 1
            heapq.heappush(due, (now + holds, order, task))

        heapq.heapify(due)
        while due:
            at, _, task = heapq.heappop(due)
            if at > now:
                story.idle((at - now) * MS)
                now = at
            if not task:
                self._next += 1
                task = self._next
                story.task(task, CYCLE).step(task).request(task, self.route)
                if self._in_use < self.capacity:
                    take(task)
                else:
                    story.waits_for(task, 1, place=WAITS)
                    queue.append((task, now))
                continue
            self._in_use -= 1
            story.step(task, place=HOLDS).releases(task, 1, self._in_use)
            story.response(task, self.route).end(task)
            if queue:
                waiting, since = queue.pop(0)
                self.waits.append(now - since)
                story.step(waiting)
                take(waiting)
        story.idle(MS)
        return self


def request(story, task, *, route="GET /a", site=CYCLE):
    """A request's first step."""
    return story.task(task, site).step(task).request(task, route)


def answered(story, task, status=200, *, route="GET /a"):
    return story.response(task, route, status).end(task).idle(MS)
