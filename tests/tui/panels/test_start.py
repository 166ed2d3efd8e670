"""The start of a lesson's app: it is drawn faint, and is no finding."""

from dataclasses import replace

from loopviz.clock import SECOND
from loopviz.engine.session import Status
from loopviz.model.snapshot import Mark
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive

RED = ("alarm", "bang", "blocking")


class Began(FakeRun):
    """The lesson began three seconds before the end of what is shown first."""

    def __init__(self, *, lesson=True) -> None:
        super().__init__("block")
        self.at_ns = 0
        self.made = self._made
        if not lesson:
            self.scenario = replace(self.scenario, lesson="")

    def _made(self, snapshot):
        self.at_ns = self.at_ns or snapshot.now_ns - 3 * SECOND
        return replace(snapshot, marks=(Mark(at_ns=self.at_ns, kind="scenario", text="block"),))


def red_columns(stage, *panels):
    """The columns of the time axis in which those panels are red."""
    theme, plan = stage.app.controller.theme, stage.app.controller.plan
    red = {getattr(theme, name) for name in RED}
    columns = set()
    for panel in panels:
        _, y, width, rows = plan.panels[panel]
        for strip in stage.strips()[y + (panel == "lag") : y + rows]:
            x = 0
            for text, style, _ in strip:
                if style in red and text.strip():
                    columns |= set(range(x, min(x + len(text), width - plan.margin)))
                x += len(text)
    return {column - plan.label for column in columns if column >= plan.label}


def test_it_is_faint():
    async def play(stage: Stage) -> None:
        began = stage.app.controller.columns.at(stage.run.at_ns)
        red = red_columns(stage, "lag", "loop")
        assert red
        assert min(red) >= began

    drive(play, (120, 40), Stage(Began()))


def test_the_start_of_a_program_that_teaches_nothing_is_news():
    async def play(stage: Stage) -> None:
        assert min(red_columns(stage, "lag", "loop")) < 5

    drive(play, (120, 40), Stage(Began(lesson=False)))


def test_it_is_no_finding():
    run = FakeRun("block")

    async def play(stage: Stage) -> None:
        assert "blocked the loop" in stage.text()
        run.status = Status("starting")
        await stage.play(0.3)
        assert "SLOW CALLBACK" not in stage.text()

    drive(play, (80, 24), Stage(run))
