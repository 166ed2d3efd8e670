"""Two requests that waited at one line at once: which pair is shown, when, and what is said."""

from dataclasses import replace

import pytest

from loopviz.clock import MS
from loopviz.model.snapshot import Location, RequestInfo, State, WaitInfo
from loopviz.tui.views.live.together import find_pair
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive

READ = Location(file="race.py", line=99, function="vote", path="/app/race.py")
OTHER = replace(READ, line=12)


def vote(number, start_ms, waits_ms=10, where=READ, **changes):
    """Runs for 1 ms, waits, runs for 1 ms."""
    times = [start_ms, start_ms + 1, start_ms + 1 + waits_ms, start_ms + 2 + waits_ms]
    start, read, write, end = (ms * MS for ms in times)
    wait = WaitInfo(what="sleep", total_ns=write - read, count=1, location=where, resource=False)
    request = RequestInfo(
        number=number,
        route="POST /vote",
        lane=0,
        spans=((start, read, State.RUN), (read, write, State.AWAIT), (write, end, State.RUN)),
        start_ns=start,
        end_ns=end,
        open=False,
        status=200,
        busy_ns=2 * MS,
        ready_ns=0,
        waiting_ns=write - read,
        waits=(wait,),
    )
    return replace(request, **changes)


def test_the_newest_two_that_overlap_are_shown():
    pair = find_pair([vote(1, 0), vote(2, 3), vote(3, 40), vote(4, 44), vote(5, 80)])
    assert (pair.first.request.number, pair.second.request.number) == (3, 4)
    assert pair.together_ns == 6 * MS
    assert (pair.first.begun_ns, pair.first.over_ns) == (40 * MS, 52 * MS)


@pytest.mark.parametrize(
    "second",
    [
        vote(2, 20),
        vote(2, 9),
        vote(2, 3, where=OTHER),
        vote(2, 3, where=None),
        vote(2, 3, route="GET /votes"),
        vote(2, 3, worker=2),
        vote(2, 3, open=True),
        vote(2, 3, status=0),
        vote(2, 3, waits=()),
        vote(2, 3, waits=(replace(vote(2, 3).waits[0], resource=True),)),
        vote(2, 3, waits=(replace(vote(2, 3).waits[0], count=2),)),
    ],
    ids=[
        "after it",
        "at its end",
        "at another line",
        "at no known line",
        "another route",
        "in another process",
        "not over",
        "without a response",
        "no known wait",
        "for a lock",
        "several waits",
    ],
)
def test_these_are_no_pair(second):
    assert find_pair([vote(1, 0), second]) is None


class Racing(FakeRun):
    """Two votes race, and the scenario's counter rises."""

    def __init__(self) -> None:
        super().__init__("race")
        self.pair = ()
        self.made = self._made

    def _made(self, snapshot):
        now = snapshot.now_ns // MS
        self.pair = self.pair or (vote(8001, now - 50), vote(8002, now - 45))
        return replace(snapshot, requests=(*snapshot.requests, *self.pair))


@pytest.mark.parametrize(("size", "sentences"), [((80, 24), 1), ((120, 35), 2)])
def test_the_diagram_stands_below_the_lanes(size, sentences):
    async def play(stage: Stage) -> None:
        lines = stage.lines()
        at = next(i for i, line in enumerate(lines) if line.startswith(" TWO AT ONCE"))
        assert "POST /vote  these 17 ms:" in lines[at]
        first, second, *told = lines[at + 1 : at + 5]
        assert "#8001" in first
        assert "#8002" in second
        assert first.index("█") < second.index("█") < first.rindex("█") < second.rindex("█")
        assert "  for 5.0 ms #8001 and #8002 both waited at race.py:99" in told[0]
        assert ("may have changed what" in told[1]) == (sentences == 2)
        assert stage.app.controller.view.row_at(at) is None

    drive(play, size, Stage(Racing()))


def test_it_stands_below_a_counter_s_diagnosis():
    async def play(stage: Stage) -> None:
        await stage.press("5")
        await stage.play()
        lines = [line[80:] for line in stage.lines()]
        at = next(i for i, line in enumerate(lines) if "TWO AT ONCE" in line)
        assert "#8001" in lines[at + 1]
        assert "#8002" in lines[at + 2]
        assert "for 5.0 ms #8001 and #8002 both waited at race.py:99" in lines[at + 3]

    drive(play, (160, 50), Stage(Racing()))


def test_there_is_none_without_a_counter_that_rises():
    class Fine(Racing):
        def _made(self, snapshot):
            return replace(super()._made(snapshot), counters=())

    async def play(stage: Stage) -> None:
        assert "TWO AT ONCE" not in stage.text()

    drive(play, (120, 35), Stage(Fine()))
