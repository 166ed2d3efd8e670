"""Streams and WebSockets: requests with messages, whose duration is no latency."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot.ranges import figures
from loopviz.testing import Story
from loopviz.wire.events import LASTING
from tests.model.findings.stories import CYCLE, fed, found, request


def chat(task=1, *, path="WS /chat/7"):
    """A WebSocket that is accepted after 10 ms, and sends a message every 200 ms."""
    story = request(Story().idle(MS), task, route=path).idle(10 * MS).step(task)
    story.opens(task, "WS /chat/{room}", lasts=True)
    for _ in range(3):
        story.message(task, 5).idle(200 * MS).step(task).message(task, 2, received=True)
    return story


def shown(story, now=0):
    model = fed(story)
    (seen,) = model.snapshot(now or story.now_ns, 60 * SECOND).requests
    return seen


def test_an_open_websocket_shows_its_messages_and_its_route():
    """The route is known once it is accepted, not only at its end."""
    seen = shown(chat().idle(MS))
    assert (seen.route, seen.open) == ("WS /chat/{room}", True)
    stream = seen.stream
    assert (stream.sent, stream.received, stream.received_size) == (3, 3, 6)
    assert (stream.first_ns, stream.gap_ns) == (10 * MS, 200 * MS)
    assert (stream.lasts, stream.opened, len(stream.times)) == (True, True, 6)


def test_two_of_a_room_lie_on_lanes_of_their_own_below_one_route():
    story = chat(1)
    request(story, 2, route="WS /chat/8").opens(2, "WS /chat/{room}", lasts=True).idle(MS)
    requests = fed(story).snapshot(story.now_ns, 60 * SECOND).requests
    assert [(r.route, r.lane) for r in requests] == [("WS /chat/{room}", 0), ("WS /chat/{room}", 1)]


def test_a_closed_one():
    story = chat().response(1, "WS /chat/{room}", 101, sent=15).end(1).idle(MS)
    seen = shown(story)
    assert (seen.open, seen.status, seen.bytes_sent, seen.stream.sent) == (False, 101, 15, 3)


def test_a_stream_in_parts_and_a_response_in_one():
    """A middleware may stream what is one part: that is told like any response."""

    def report(parts):
        story = request(Story().idle(MS), 1, route="GET /report").opens(1, "GET /report")
        for _ in range(parts):
            story.message(1).idle(MS).step(1)
        return shown(story.response(1, "GET /report").end(1).idle(MS)).stream

    assert report(1) is None
    assert (report(2).sent, report(2).lasts) == (2, False)


def test_the_past_shows_what_had_been_sent_by_then():
    story = chat().idle(MS)
    model, then = fed(story), story.now_ns - 250 * MS
    frozen = model.snapshot(story.now_ns, 60 * SECOND)
    model.retain(0)
    (seen,) = model.past(frozen, then - SECOND, then).requests
    assert len(seen.stream.times) == 3
    assert (seen.stream.sent, seen.stream.received) == (2, 1)


@pytest.mark.parametrize("route", ["WS /chat/{room}", "GET /events"])
def test_as_long_as_its_client_wants_is_neither_a_hang_nor_slow(route):
    story = request(Story().idle(MS), 1, route=route).opens(1, route, lasts=True)
    for _ in range(3):
        story.message(1).idle(20 * SECOND).step(1, place=CYCLE)
    model = fed(story)
    assert model.findings() == ()
    story.response(1, route, 101).end(1).idle(SECOND).feed(model)
    assert model.findings() == ()
    snapshot = model.snapshot(story.now_ns, 60 * SECOND)
    assert max(snapshot.overview.slowest_ns) == 0
    of_range = figures(snapshot, story.now_ns - 61 * SECOND, story.now_ns)
    assert of_range.duration.count == 0
    assert [(r.route, r.duration.count) for r in of_range.routes] == [(route, 1)]


def test_a_handshake_that_is_never_answered_hangs():
    story = request(Story().idle(MS), 1, route="WS /chat/7").idle(30 * SECOND)
    (seen,) = found(story)
    assert (seen.rule, seen.sentence[:24]) == ("request-hangs", "A request of WS /chat/7 ")


def test_a_websocket_that_raises_was_not_answered():
    story = chat().raises(1, "KeyError: 'x'").response(1, "WS /chat/{room}", 101).end(1).idle(MS)
    (seen,) = found(story)
    assert seen.sentence == "WS /chat/{room} raised KeyError: 'x'; its WebSocket was closed"


def test_an_open_websocket_delays_no_comparison():
    story = chat().idle(30 * SECOND)
    model = fed(story)
    assert model.phases._meter.open_before(story.now_ns) == 0


def test_what_is_sent_to_a_client_that_has_left_is_no_answer():
    story = request(Story().idle(MS), 1, route="POST /a").disconnects(1).idle(MS).step(1)
    assert found(story.response(1, "POST /a", 500).end(1).idle(MS)) == []


def test_the_times_of_very_many_messages_are_bounded():
    story = request(Story().idle(MS), 1, route="WS /x").opens(1, "WS /x", lasts=True)
    for _ in range(2000):
        story.message(1).runs(1000)
    seen = shown(story.idle(MS)).stream
    assert (seen.sent, LASTING) == (2000, 1)
    assert len(seen.times) == 256
