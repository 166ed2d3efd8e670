"""Orphans in the live view: their cells on the lane, the legend, the detail, the mouse."""

from dataclasses import replace

import pytest

from loopviz.clock import MS
from loopviz.model.snapshot import OrphanInfo
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive


class LeftBehind(FakeRun):
    """The first request in sight has left two tasks behind, on a lane without other requests."""

    LANE = 3
    OPEN = True
    number = 0

    def frame(self, now_ns, window_ns):
        frame = super().frame(now_ns, window_ns)
        return frame._replace(snapshot=self._left(frame.snapshot) if frame.snapshot else None)

    def past(self, frozen, start_ns, end_ns):
        return self._left(super().past(frozen, start_ns, end_ns))

    def _left(self, snapshot):
        reports = [r for r in snapshot.requests if not r.open and r.route == "GET /report"]
        self.number = self.number or reports[len(reports) // 2].number
        first = next((r for r in reports if r.number == self.number), None)
        if first is None:
            return snapshot
        moved = replace(first, lane=self.LANE)
        requests = tuple(moved if r is first else r for r in snapshot.requests)
        orphan = OrphanInfo(
            request=first.number,
            route=first.route,
            lane=self.LANE,
            start_ns=first.end_ns,
            end_ns=snapshot.now_ns if self.OPEN else first.end_ns + 800 * MS,
            open=self.OPEN,
            count=2,
            label="send",
        )
        return replace(snapshot, requests=requests, orphans=(orphan,))


class HaveEnded(LeftBehind):
    OPEN = False


def lane_of(stage):
    return next(line for line in stage.lines() if line.startswith("   ·4"))


@pytest.mark.parametrize(("glyphs", "ascii_only"), [(BLOCKS, False), (ASCII, True)])
def test_they_go_on_after_their_request(glyphs, ascii_only):
    async def play(stage: Stage) -> None:
        lane = next(line for line in stage.lines() if line.strip().startswith(("·4", ".4")))
        cells = lane[18:-8]
        assert cells.count(glyphs.orphan) > 10
        assert " +" in lane
        assert f"{glyphs.orphan} orphan" in stage.text()

    drive(play, (120, 40), Stage(LeftBehind("block"), ascii_only=ascii_only))


def test_they_end():
    async def play(stage: Stage) -> None:
        orphan = stage.app.scene.snapshot.orphans[0]
        columns = stage.app.controller.columns
        wide = columns.at(orphan.end_ns - 1) - columns.at(orphan.start_ns)
        assert lane_of(stage).count(BLOCKS.orphan) in (wide, wide + 1)
        assert " +" not in lane_of(stage)

    drive(play, (120, 40), Stage(HaveEnded("block")))


@pytest.mark.parametrize(
    ("run", "words"),
    [(LeftBehind, "2 × send still at work"), (HaveEnded, "2 × send worked on for 800 ms after")],
)
def test_the_chosen_request_says_what_works_on(run, words):
    async def play(stage: Stage) -> None:
        stage.app.controller.freeze()
        stage.app.controller.choose(stage.app.scene.snapshot.orphans[0].request)
        await stage.play()
        assert words in stage.text()

    drive(play, (120, 40), Stage(run("block")))


def test_a_click_on_an_orphan_chooses_its_request():
    async def play(stage: Stage) -> None:
        y = next(i for i, line in enumerate(stage.lines()) if line.startswith("   ·4"))
        x = stage.lines()[y].index(BLOCKS.orphan) + 3
        for _ in range(2):
            await stage.pilot.click(offset=(x, y))
            await stage.play()
        assert stage.app.controller.view_state.row == stage.app.scene.snapshot.orphans[0].request

    drive(play, (120, 40), Stage(HaveEnded("block")))


def test_a_request_whose_client_has_left_is_drawn_so():
    class Left(FakeRun):
        def frame(self, now_ns, window_ns):
            frame = super().frame(now_ns, window_ns)
            if frame.snapshot is None:
                return frame
            gone = tuple(replace(r, gone_ns=r.start_ns) for r in frame.snapshot.requests)
            return frame._replace(snapshot=replace(frame.snapshot, requests=gone))

    def waiting(stage):
        lanes = [line for line in stage.lines() if line.strip().startswith(("GET", "·"))]
        return sum(line[18:100].count(BLOCKS.waiting) for line in lanes)

    async def play(stage: Stage) -> None:
        assert BLOCKS.orphan in stage.text()
        assert not waiting(stage)

    async def before(stage: Stage) -> None:
        assert waiting(stage)

    drive(before, (120, 40), Stage(FakeRun("dbpool")))
    drive(play, (120, 40), Stage(Left("dbpool")))
