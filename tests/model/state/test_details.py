"""What a request waited for, its phases, calls and client; pauses; incidents; what is observed."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.model.names import Naming
from loopviz.model.state.dispatch import handlers
from loopviz.model.state.observer import Observer
from loopviz.model.state.trace import Trace
from loopviz.testing import Story
from loopviz.wire.events import TASK_CANCELLED

T0 = 1024 * SECOND
SLEEP, SOCKET = "sleep\t/app/api.py\t15\tget", "socket\t/app/api.py\t18\tget"


def fed(story):
    model = Model(naming=Naming([("/app", "")]))
    story.feed(model)
    return model


def the_request(model, now):
    (request,) = model.snapshot(now, 60 * SECOND).requests
    return request


def serving():
    """Waits 10 ms for a gate, 20 for a socket, 5 for a sleep, 5 for the gate again."""
    story = Story().resource(3, "asyncio.Semaphore", 2, made_at="/app/db.py\t4\t")
    story.task(1, "run_asgi").step(1, MS).request(1, "GET /a")
    gate = "\t/app/api.py\t14\tget"
    story.waits_for(1, 3, place=gate).idle(10 * MS).step(1, MS).acquires(1, 3)
    story.idle(20 * MS).step(1, MS, place=SOCKET).idle(5 * MS).step(1, MS, place=SLEEP)
    return story.releases(1, 3).waits_for(1, 3, place=gate).idle(5 * MS)


def test_what_a_request_waited_for():
    story = serving()
    model = fed(story)
    open_one = the_request(model, story.now_ns)
    story.step(1, MS).acquires(1, 3).response(1, "GET /a").end(1).idle(MS).feed(model)
    ended = the_request(model, story.now_ns)
    for request in (open_one, ended):
        assert [(w.what, w.total_ns // MS, w.count, w.resource) for w in request.waits] == [
            ("socket", 20, 1, False),
            ("db.py:4 Semaphore(2)", 15, 2, True),
            ("sleep", 5, 1, False),
        ]
        assert [w.location.line for w in request.waits] == [18, 14, 15]
        assert sum(w.total_ns for w in request.waits) == request.waiting_ns == 40 * MS
    assert the_request(model, story.now_ns + SECOND) is ended


def test_the_waits_of_a_very_long_request_still_add_up():
    story = Story().task(1).step(1).request(1, "GET /a")
    for i in range(3000):
        story.runs(1000).idle(2000 + i).step(1, place=(SLEEP, SOCKET, "")[i % 3])
    story.response(1, "GET /a").end(1).idle(MS)
    model = fed(story)
    request = the_request(model, story.now_ns)
    assert [(w.what, w.count) for w in request.waits] == [
        ("", 1000),
        ("socket", 1000),
        ("sleep", 1000),
    ]
    assert sum(w.total_ns for w in request.waits) == request.waiting_ns
    (kept,) = model.trace.requests.finished
    assert kept.truncated
    assert len(kept.times) == len(kept.states) == len(kept.whys) <= 1024


def test_phases_bytes_calls_and_a_client_that_left():
    story = Story().task(1).step(1).request(1, "GET /a").phase(1, "dependencies").runs(MS)
    story.phase(1, "endpoint").runs(2 * MS).task(2, parent=1).step(2)
    story.http_call(2, "upstream", 200, place=SOCKET).step(1, MS).http_call(1, "upstream", 0)
    story.disconnects(1).phase(1).runs(MS).phase(1, "background").runs(3 * MS)
    model = fed(story)
    now = story.now_ns
    request = the_request(model, now)
    assert [(p.name, (p.end_ns - p.start_ns) // MS) for p in request.phases] == [
        ("dependencies", 1),
        ("endpoint", 3),
        ("background", 3),
    ]
    story.response(1, "GET /{x}", 499, sent=70_000).end(1).idle(MS).feed(model)
    request = the_request(model, story.now_ns)
    assert (request.status, request.bytes_sent, request.calls) == (499, 70_000, 2)
    assert request.gone_ns == now - 4 * MS
    assert request.phases[-1].end_ns == now
    assert model.trace.requests.gone == {"GET /{x}": 1}


def test_pauses():
    story = Story().callback("f", 9 * MS).gc(4 * MS, 2).gc(MS, 0).gc(2 * MS, 1, elsewhere=True)
    model = fed(story.idle(MS))
    view = model.snapshot(story.now_ns, SECOND).loop.gc
    assert (view.count, view.total_ns, view.max_ns) == (3, 7 * MS, 4 * MS)
    assert view.by_generation == (1, 1, 1)
    assert view.last[0] == (T0 + 5 * MS, T0 + 9 * MS, 2)
    story.mark("scenario:x").feed(model)
    assert model.trace.pauses.count == 0


@pytest.mark.parametrize("unknown", [6, 32, 99, 255])
def test_a_record_of_a_kind_to_come_is_passed_over(unknown):
    trace = Trace(handlers, Naming())
    trace.feed([(T0, 5, 6, 7, unknown)], [""])
    trace.feed_aux([(T0, 5, 6, 7, unknown)], [""])
    assert trace.tasks.live == {}


# Incidents


def stall(story, ms, task):
    story.task(task).step(task).request(task, "GET /a").runs(ms * MS)
    return story.response(task, "GET /a").end(task).idle(100 * MS)


def test_the_second_around_a_stall_is_kept_for_good():
    story = Story()
    for task in range(1, 31):
        stall(story, 50 if task == 10 else 1, task)
    model = fed(story)
    (kept,) = model.snapshot(story.now_ns, SECOND).incidents
    (around,) = (i.requests for i in model.trace.incidents.all())
    numbers = [request.number for request in around]
    for task in range(31, 3000):
        stall(story, 1, task)
    story.feed(model)
    assert next(iter(model.trace.requests.finished)).start_ns > kept.end_ns + 60 * SECOND
    incident = model.incident(kept.start_ns)
    assert (incident.end_ns - incident.start_ns) == 2 * SECOND + 50 * MS
    assert [r.number for r in incident.requests] == numbers == list(range(1, 20))
    assert all(r.spans for r in incident.requests)
    assert [s.start_ns for s in incident.stalls] == [kept.start_ns]
    assert model.incident(5) is None


def test_the_worst_and_the_latest_are_kept():
    story, model = Story(), Model()
    for task in range(1, 301):
        stall(story, 400 if task == 7 else 30 + task % 5, task)
        if task % 50 == 0:
            story.feed(model)
    story.idle(2 * SECOND).feed(model)
    starts = [incident.stall.start_ns for incident in model.trace.incidents.all()]
    stalls = list(model.trace.stalls.ended)
    assert starts == sorted(set(starts))
    assert set(starts) >= {s.start_ns for s in stalls[-50:]}
    assert stalls[6].start_ns in starts
    assert 50 <= len(starts) <= 100


def test_an_incident_keeps_the_nearest_of_very_many_requests():
    story, model = Story(), Model()
    for task in range(1, 1001):
        story.task(task).step(task).request(task, "GET /a").runs(MS).response(task, "GET /a")
        story.end(task).polls()
    stall(story, 30, 2000)
    story.idle(2 * SECOND).feed(model)
    (incident,) = model.trace.incidents.all()
    assert [r.number for r in incident.requests] == list(range(802, 1002))


def test_a_target_that_dies_leaves_its_incidents():
    story = Story()
    stall(story, 30, 1)
    model = fed(story)
    assert model.trace.incidents.all() == []
    model.stop(story.now_ns)
    assert len(model.trace.incidents.all()) == 1


# What is observed


class Listener(Observer):
    """Notes every word it hears."""

    def __init__(self):
        self.heard = []


def note(name):
    def heard(self, *what, **how):
        self.heard.append((name, what, how))

    return heard


for word in [name for name in vars(Observer) if not name.startswith("_")]:
    setattr(Listener, word, note(word))


def listening(story):
    listener = Listener()
    trace = Trace(handlers, Naming(), listener)
    events, strings = story.batch()
    trace.feed(events.tolist(), strings)
    aux, texts = story.aux_batch()
    trace.feed_aux(aux.tolist(), texts)
    return trace, listener.heard


def test_the_order_of_what_is_observed():
    story = serving().step(1, MS).acquires(1, 3).releases(1, 3).queue_size(4, 9)
    story.http_call(1, "up", 503).disconnects(1).response(1, "GET /a").end(1, TASK_CANCELLED)
    story.idle(MS).job(8, 6).job_starts(8, 6).job_ends(8, 6).step(2, 30 * MS).idle(MS)
    trace, heard = listening(story)
    assert [name for name, *_ in heard] == [
        *("wait_began", "wait_over", "acquired", "released"),
        *("wait_began", "wait_over", "acquired", "released"),
        *(
            "queue_size",
            "http_call",
            "client_disconnected",
            "request_ended",
            "task_ended",
            "stall",
            "job_ended",
        ),
    ]
    words = {name: what for name, what, _ in heard}
    (wait,) = words["wait_over"]
    assert (wait.ended_ns - wait.began_ns, wait.waited_ns, wait.gave_up) == (6 * MS, 5 * MS, False)
    hold = heard[3][1][0]
    assert hold.waited_ns == 25 * MS
    assert trace.site(hold.longest[0]).name == "socket"
    request, _ = words["request_ended"]
    assert [(e - s) // MS for s, e, *_ in request.history] == [10, 20, 5, 5]
    assert [row and row.kind.id for *_, row in request.history] == [
        "asyncio.Semaphore",
        None,
        None,
        "asyncio.Semaphore",
    ]
    assert request.calls == ((request.end_ns, 0, "up", 503),)
    assert request.cancelled
    assert words["task_ended"][0].serving


def test_a_resource_made_inside_a_request():
    story = Story().task(1).step(1).request(1, "GET /a").resource(1, "httpcore.pool", 10, by=1)
    story.resource(2, "asyncio.Lock").response(1, "GET /a").end(1).idle(MS)
    _, heard = listening(story)
    (resource, task, _) = next(what for name, what, _ in heard if name == "resource_made")
    assert (resource.group.kind.id, task.number, task.request.number) == ("httpcore.pool", 1, 1)
    (request, _) = next(what for name, what, _ in heard if name == "request_ended")
    assert [row.kind.id for row in request.made] == ["httpcore.pool"]


def test_spans_of_the_app_s_own_lie_within_its_phases_and_each_other():
    story = Story().task(1).step(1).request(1, "GET /a").phase(1, "endpoint").runs(MS)
    story.span(1, "load", begins=True).runs(MS).span(1, "render", begins=True).runs(MS)
    story.span(1, "load", begins=False).runs(MS).phase(1, "serialization").runs(MS)
    story.span(1, "render", begins=False).runs(MS)
    model = fed(story)
    (request,) = model.snapshot(story.now_ns, SECOND).requests
    times = {p.name: ((p.end_ns - p.start_ns) // MS, p.span) for p in request.phases}
    assert times == {
        "endpoint": (4, False),
        "load": (2, True),
        "render": (3, True),
        "serialization": (2, False),
    }


def test_what_the_program_says_is_a_mark_and_told_once():
    story = Story().mark("mark:deploy 4").step(1).runs(MS)
    story.mark("log:ERROR\tshop.orders\torder: 4\tis late").runs(MS)
    model = fed(story)
    marks = model.snapshot(story.now_ns, SECOND).marks
    assert [(m.kind, m.level, m.text) for m in marks] == [
        ("mark", "", "deploy 4"),
        ("log", "ERROR", "shop.orders: order: 4\tis late"),
    ]
    assert model.take_said() == list(marks)
    assert model.take_said() == []
