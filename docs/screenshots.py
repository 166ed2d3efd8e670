"""`python docs/screenshots.py`: run the real app on real load and save what it shows as SVG.

Nothing is made up: a target, a load and the UI run as they do for a person, without a terminal.
"""

import asyncio
import os
import re
import sys
from pathlib import Path

from loopviz.session import Session
from loopviz.tui.app import LoopvizApp

FOLDER = Path(__file__).parent / "images"

SHOTS = (
    # name, scenario, columns, lines, seconds before the keys, keys, seconds after them
    ("block", "block", 100, 30, 6.0, (), 0.0),
    ("block-fixed", "block", 100, 30, 4.5, ("a",), 3.2),
    ("block-80x24", "block", 80, 24, 6.0, (), 0.0),
    ("block-160x50", "block", 160, 50, 4.5, ("a",), 3.2),
    ("lesson-80x24", "block", 80, 24, 5.0, ("i",), 1.0),
    ("race-80x24", "race", 80, 24, 4.0, ("b",), 3.2),
    ("dbpool-160x50", "dbpool", 160, 50, 6.0, (), 0.0),
    ("cpu-160x50", "cpu", 160, 50, 6.0, (), 0.0),
)


async def shoot(
    name: str, scenario: str, columns: int, lines: int, before: float, keys: tuple, after: float
) -> None:
    """One picture, `images/NAME.svg`."""
    session = Session(scenario)
    app = LoopvizApp(session)
    async with app.run_test(size=(columns, lines)) as pilot:
        while session.run.status.phase != "running":
            await pilot.pause(0.1)
        await pilot.pause(before)
        await pilot.press(*keys)
        await pilot.pause(after)
        svg = app.export_screenshot(title="loopviz")
    # a picture in a repository fetches nothing: no web fonts
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "DejaVu Sans Mono")
    (FOLDER / f"{name}.svg").write_text(re.sub(r"[ \t]+\n", "\n", svg))


if __name__ == "__main__":
    os.environ.update(COLORTERM="truecolor", TERM="xterm-256color")
    FOLDER.mkdir(exist_ok=True)
    wanted = sys.argv[1:]
    for shot in SHOTS:
        if not wanted or shot[0] in wanted:
            asyncio.run(shoot(*shot))
