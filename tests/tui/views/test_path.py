"""What decided the latency of an opened request, below the parts of its time."""

from dataclasses import replace

import pytest

from loopviz.clock import MS
from loopviz.model.snapshot import CriticalPath, PathPart
from loopviz.tui.state.view_state import LIVE
from loopviz.tui.views.live.path import MOST_ROWS, draw_path, path_rows
from tests.model.snapshot.test_critical_path import (
    HOLDS,
    LOCK,
    SOCKET,
    WAITS,
    begin,
    ends,
    request,
    starts,
)
from tests.tui.rendered import RenderedView


def held():
    """Request 2 waited 30 ms for a lock whose holder awaited a socket."""
    story = request(begin(), 1).acquires(1, LOCK, place=HOLDS).idle(5 * MS)
    starts(story, 2).waits_for(2, LOCK, place=WAITS).idle(30 * MS)
    story.step(1, 2 * MS, place=SOCKET).releases(1, LOCK, 0)
    story.step(2, place=WAITS, woken_by=1).acquires(2, LOCK)
    return ends(story, 2)


def opened(story, number):
    """The live view with the detail of that request open."""
    rendered = RenderedView("live", story)
    state = replace(rendered.controller.view_state, view=LIVE, detail=True)
    rendered.controller.view_state = state.choose(number)
    return rendered


def chosen(rendered, height, width=80):
    scene = rendered.controller.next_scene(rendered.story.now_ns)
    return [row.text.rstrip() for row in rendered.view.draw_chosen(scene, width, height)]


def test_the_holder_and_its_line_stand_below_the_parts():
    rows = chosen(opened(held(), 2), 20)
    (heading,) = (row for row in rows if "what decided its latency" in row)
    path = rows[rows.index(heading) + 1 :]
    assert path[0].split() == ["█", "6", "%", "2.0", "ms", "its", "own", "steps"]
    waited = next(row for row in path if "await socket" in row)
    assert "GET /a #1: await socket" in waited
    assert "lock" in waited
    assert waited.endswith("db.py:33")


def test_with_little_room_it_is_one_row():
    rows = chosen(opened(held(), 2), 6)
    assert not [row for row in rows if "what decided" in row]
    (row,) = (row for row in rows if "decided" in row)
    assert row.strip().startswith("decided 88 % by GET /a #1: await socket")
    assert row.endswith(" at db.py:33")


def test_a_request_that_nobody_woke_says_so():
    story = starts(begin(), 1).idle(20 * MS).step(1, place=SOCKET)
    rows = chosen(opened(ends(story, 1), 1), 20)
    text = "decided by its own steps and waits: no other task is known to have woken it"
    assert any(text in row for row in rows)


def test_a_request_that_has_ended_is_asked_for_once():
    rendered = opened(held(), 2)
    for _ in range(3):
        rendered.controller.next_scene(rendered.story.now_ns)
    assert rendered.run.calls.count(("ask_path", 2)) == 1
    state = rendered.controller.view_state
    rendered.controller.view_state = replace(state, detail=False)
    assert rendered.controller.next_scene(rendered.story.now_ns).path is None


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_longest_parts_are_listed_and_the_rest_is_summed(width):
    parts = [
        PathPart(
            task=n,
            label="GET /a",
            request=n,
            own=False,
            tasks=1,
            kind="await",
            what="socket",
            location=None,
            via="lock",
            total_ns=n * MS,
        )
        for n in range(1, 21)
    ]
    path = CriticalPath(total_ns=210 * MS, parts=tuple(parts))
    scene = opened(held(), 2).controller.next_scene(0)
    rows = [row.text.rstrip() for row in draw_path(path, scene, width, 20)]
    assert len(rows) == path_rows(path) == 1 + MOST_ROWS
    assert [row.split("#")[1].split(":")[0] for row in rows[1:-1]] == [
        str(n) for n in range(15, 21)
    ]
    assert rows[-1].strip() == "14 more, 105 ms in total"
