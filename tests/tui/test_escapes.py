"""Nothing that a terminal would obey gets onto the screen, into the clipboard or into a picture."""

import xml.etree.ElementTree as ET
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

from rich.style import Style

from loopviz.model.snapshot import Location
from loopviz.tui._textual import screen_rows
from loopviz.tui.draw.text import Line
from loopviz.tui.screenshot import screenshot_svg
from tests.support.escape_sequences import BAD, SHOWN, unsafe
from tests.tui.fake_run import SCENARIO, FakeRun
from tests.tui.stage import Stage, drive

OURS = {"kind", "severity", "rule", "outcome", "level", "phase", "gone", "suggested_fix", "key"}
"""Fields of a snapshot whose words are loopviz's own."""
EVIL = replace(
    SCENARIO,
    id=f"x{BAD}\udcff",
    path=Path(f"/x{BAD}\udcff.py"),
    title=BAD,
    lesson=BAD,
    watch_for=(BAD,),
    link=BAD,
    fixes=tuple(replace(fix, title=BAD, why=BAD) for fix in SCENARIO.fixes),
)


def hostile(value):
    """The same with an escape sequence at the end of every text that comes from outside."""
    if isinstance(value, str):
        return value + BAD
    if is_dataclass(value):
        named = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        return replace(value, **{n: hostile(v) for n, v in named.items() if n not in OURS})
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        named = value._asdict().items()
        return value._replace(**{n: hostile(v) for n, v in named if n not in OURS})
    if isinstance(value, tuple | list):
        return type(value)(hostile(one) for one in value)
    if isinstance(value, dict):
        return {hostile(key): hostile(one) for key, one in value.items()}
    return value


def test_every_view():
    run = FakeRun("dbpool")
    run.made = hostile
    run.scenario = EVIL
    run.catalogue = (EVIL, replace(EVIL, id=f"{BAD}2", error=BAD))
    run.status = replace(run.status, why=BAD, url=BAD)
    seen = []

    async def play(stage: Stage) -> None:
        await stage.play(2)
        for key in ("1", "j", "enter", "2", "j", "3", "j", "4", "5", "j", "enter", "6", "7", "i"):
            await stage.press(key)
            await stage.play(0.1)
            seen.append(stage.text())
        for box in ("s", "question_mark", "ctrl+p"):
            await stage.press(box)
            seen.append("\n".join(row.text for row in screen_rows(stage.app)))
            seen.append(screenshot_svg(stage.app, stage.app.controller.theme))
            ET.fromstring(seen[-1])
            await stage.press("escape")

    drive(play, (200, 50), Stage(run))
    for text in seen:
        assert unsafe(text) == set(), ascii(text)
    assert sum(SHOWN[:6] in text for text in seen) > 10


def test_a_line_shows_whatever_it_is_given():
    line = Line(60).add(BAD, Style()).end("\x9b", Style(), Style())
    text = line.strip(Style()).text
    assert text.startswith(SHOWN)
    assert unsafe(text) == set()
    assert len(text) == 60


def test_what_is_copied_can_be_pasted(monkeypatch):
    """A newline or an escape sequence in a path is none in a shell; a lone surrogate is no end."""

    async def play(stage: Stage) -> None:
        where = Location(file="x", line=3, function="f", path=f"/x{BAD}\udcff.py")
        monkeypatch.setattr(stage.app.controller.view, "location", lambda _scene: where)
        await stage.press("y")
        assert stage.app.clipboard == rf"/x{SHOWN}\udcff.py:3"
        assert f"Copied {stage.app.clipboard}, " in stage.text()

    drive(play, (160, 24))


def test_a_picture_is_saved_whatever_the_scenario_is_called(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run = FakeRun()
    run.scenario = EVIL

    async def play(stage: Stage) -> None:
        await stage.press("S")
        (path,) = tmp_path.iterdir()
        assert path.name.startswith(rf"loopviz-x{SHOWN}\udcff-")
        ET.parse(path)

    drive(play, stage=Stage(run))
