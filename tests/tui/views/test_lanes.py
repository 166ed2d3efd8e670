"""What stands right of a lane: how its latest request ended; and left of it, how many more."""

from dataclasses import replace

import pytest

from loopviz.clock import MS
from loopviz.tui.draw.text import clean
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive


def left(request):
    return replace(request, status=0, gone_ns=request.end_ns)


def failed(request):
    return replace(request, status=0, gone_ns=0)


def short_wait(request):
    return replace(request, status=200, start_ns=request.end_ns - MS, ready_ns=900_000, spans=())


@pytest.mark.parametrize(
    ("how", "word", "style"),
    [(left, "left", "dim"), (failed, "lost", "alarm"), (short_wait, "1.0ms", "dim")],
)
def test_how_the_latest_request_ended(how, word, style):
    run = FakeRun()
    run.made = lambda snapshot: replace(
        snapshot, requests=tuple(r if r.open else how(r) for r in snapshot.requests)
    )

    async def play(stage: Stage) -> None:
        (ping,) = (strip for strip in stage.strips() if strip.text.startswith(" GET /ping"))
        theme = stage.app.controller.theme
        words = {clean(s.text).strip(): s.style for s in ping if s.text.strip()}
        assert words[word] == getattr(theme, style)

    drive(play, (80, 24), Stage(run))
