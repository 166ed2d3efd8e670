"""Stories with queues in them, and what the rules find."""

import heapq

from loopviz.clock import MS
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.model.snapshot import Location
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


DB = Location(file="app/db.py", line=9, function="", path="/app/db.py")


def place(line, what="socket", function="get"):
    return f"{what}\t/app/api.py\t{line}\t{function}"


def at(line, function="get"):
    return Location(file="app/api.py", line=line, function=function, path="/app/api.py")


HOLDER = Location(file="app/api.py", line=21, function="order", path="/app/api.py")


def too_many(kind, capacity=5, **options):
    """Twice as many as can be served."""
    return Crowd(kind, capacity, **options).serve(range(0, 1000, 10), holds=20 * capacity)


def jobs(
    kind="ThreadPoolExecutor", *, number=1, workers=2, count=20, every=10, runs=100, story=None
):
    """Jobs for so many workers, as a request each submits them; how long each was queued."""
    story = story or Story().idle(MS)
    story.resource(number, kind, workers, name="", made_at=MADE)
    ends, free = [], [0] * workers
    for i in range(count):
        worker = free.index(min(free))
        start = max(free[worker], i * every)
        free[worker] = start + runs
        ends.append((i * every, "comes", i, worker))
        ends += [(start, "starts", i, worker), (start + runs, "ends", i, worker)]
    now, queued, came = 0, [], {}
    for at, what, i, worker in sorted(
        ends, key=lambda e: (e[0], ("ends", "comes", "starts").index(e[1]))
    ):
        story.idle(max(at - now, 0) * MS)
        now, task = at, i + 1
        if what == "comes":
            came[i] = at
            story.task(task, CYCLE).step(task).request(task, "GET /thumb")
            story.job(task, number, "\t/app/work.py\t5\tthumb", by=task)
        elif what == "starts":
            queued.append(at - came[i])
            story.job_starts(task, number, f"worker-{worker}")
        else:
            story.job_ends(task, number).step(task).response(task, "GET /thumb").end(task)
    return story.idle(MS), queued


SPAWN = Location(file="app/api.py", line=30, function="order", path="/app/api.py")


def spawning(
    times=1,
    *,
    outlives=50,
    outcome=0,
    noticed=False,
    site=SPAWNED,
    then=lambda _story, _task: None,
):
    """Requests that each make a task and do not wait for it."""
    story = Story().idle(MS)
    for i in range(times):
        parent, child = 2 * i + 1, 2 * i + 2
        request(story, parent).task(child, site, parent=parent)
        answered(story, parent)
        story.step(child).idle(outlives * MS).step(child)
        story.end(child, outcome, noticed=noticed).idle(MS)
        then(story, child)
    return story


def rules(story, after=0):
    """The findings so long after the story, by rule."""
    model = fed(story.selects())
    found = {}
    for finding in model.findings(story.now_ns + after):
        found.setdefault(finding.rule, []).append(finding)
    return found
