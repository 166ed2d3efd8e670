"""`python docs/screenshots.py [SCENARIO…|film|page]`: save what the real app shows, as SVG.

Nothing is made up: a target, a load and the UI run as they do for a user, without a terminal. The
script writes `images/`, the page that shows them (`screens.md`), and the README's animation.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from film import film
from rich.segment import Segment
from textual.pilot import Pilot
from textual.strip import Strip

from loopviz.engine.session import Session
from loopviz.tui._textual import screen_rows
from loopviz.tui.app import LoopvizApp
from loopviz.tui.draw.palette import DARK, LIGHT, theme_named
from loopviz.tui.screenshot import screenshot_svg
from loopviz.tui.state import view_state
from loopviz.tui.state.actions import ACTIONS

HERE = Path(__file__).parent
IMAGES = HERE / "images"
VIEWS = [(view, word) for view, word in view_state.VIEWS if view != "log"]
"""Lessons write nothing."""
SIZES = ((80, 24), (160, 50))
SCENARIOS = {"block": "frozen loop", "dbpool": "database pool runs dry", "race": "lost updates"}
WAITS = "dbpool"
"""The one whose tree of waits is shown, too."""
THEMES = (DARK, LIGHT)
FRAMES_PER_S = 5

STORY = (
    # seconds, the key pressed at their end, the caption
    (4.0, "a", "loopviz: one time.sleep(0.05) in async def blocks the loop for everybody"),
    (5.0, "6", "press a: the call moves to a thread, under the same load"),
    (4.0, "", "press 6: before and after, with sample counts"),
)


@asynccontextmanager
async def running(scenario: str, columns: int, lines: int) -> AsyncIterator[Pilot[None]]:
    """The app on a run of that scenario, once the load is running."""
    app = LoopvizApp(Session(scenario))
    async with app.run_test(size=(columns, lines)) as pilot:
        while app.controller.scene is None or app.controller.scene.status.phase != "running":
            await pilot.pause(0.1)
        yield pilot


async def shoot(scenario: str, columns: int, lines: int) -> None:
    """Saves every view in both themes; presses `a` before the view that compares."""
    async with running(scenario, columns, lines) as pilot:
        await pilot.pause(7)
        for place, (view, _) in enumerate(VIEWS, 1):
            if view == "compare":
                await pilot.press("1", "a")
                await pilot.pause(6)
            await pilot.press(str(place))
            await pilot.pause(1.5)
            await save(pilot, f"{scenario}-{view}-{columns}x{lines}")
            if view == "tasks" and scenario == WAITS:
                await pilot.press("t", "j")
                await pilot.pause(1.5)
                await save(pilot, f"{scenario}-tree-{columns}x{lines}")
                await pilot.press("t")


async def save(pilot: Pilot[None], name: str) -> None:
    """Saves what is on the screen, in both themes."""
    app = pilot.app
    for palette in THEMES:
        while app.controller.theme.palette.name != palette.name:
            await pilot.press("T")
        app.tick(whole=True)
        await pilot.pause()
        (IMAGES / f"{name}-{palette.name}.svg").write_text(
            screenshot_svg(app, app.controller.theme)
        )
    print(name)


async def shoot_film() -> None:
    """Saves the README's animation: the bug, its fix, and what that changed."""
    frames = []
    async with running("block", 80, 24) as pilot:
        loop = asyncio.get_running_loop()
        await pilot.pause(6)
        at_s = 0.0
        for seconds, key, words in STORY:
            caption = _caption(words)
            for _ in range(int(seconds * FRAMES_PER_S)):
                began = loop.time()
                frames.append((at_s, [*screen_rows(pilot.app), Strip.blank(80), caption]))
                at_s += 1 / FRAMES_PER_S
                await pilot.pause(1 / FRAMES_PER_S - (loop.time() - began))
            if key:
                await pilot.press(key)
    svg = film(frames, at_s + 2, DARK.text, DARK.ground)
    (IMAGES / "loopviz.svg").write_text(svg)
    print(f"film: {len(frames)} frames, {len(svg) / 1000:.0f} kB")


def _caption(words: str) -> Strip:
    return Strip([Segment(f" {words}".ljust(80), theme_named("dark").title)])


def page() -> str:
    """The text of `screens.md`."""
    help_of = {action.name: action.help for action in ACTIONS}
    parts = [
        "# What it looks like",
        "Made by `python docs/screenshots.py` from the real app under real load, in the colours of "
        "your browser (`T` changes them in the app). Each view is shown at 80×24 and at 160×50, "
        "for three scenarios; `compare` some seconds after the first fix was switched on.",
    ]
    for place, (view, word) in enumerate(VIEWS, 1):
        parts.append(
            f"## {place} {word}\n\n{help_of[f'view-{view}'].partition(': ')[2].capitalize()}."
        )
        for scenario, title in SCENARIOS.items():
            parts.append(f"`{scenario}`: {title}")
            parts += [_image(scenario, view, *size) for size in SIZES]
            if view == "tasks" and scenario == WAITS:
                parts.append(f"`{scenario}`: who waits for whom (`t`)")
                parts += [_image(scenario, "tree", *size) for size in SIZES]
    return "\n\n".join(parts) + "\n"


def _image(scenario: str, view: str, columns: int, lines: int) -> str:
    path = f"images/{scenario}-{view}-{columns}x{lines}"
    return (
        f'<picture><source media="(prefers-color-scheme: light)" srcset="{path}-light.svg">'
        f'<img alt="the {view} view of {scenario} at {columns}×{lines}" src="{path}-dark.svg">'
        "</picture>"
    )


def main() -> None:
    os.environ.update(COLORTERM="truecolor", TERM="xterm-256color")
    os.environ.pop("NO_COLOR", None)
    IMAGES.mkdir(exist_ok=True)
    wanted = sys.argv[1:] or [*SCENARIOS, "film", "page"]
    for scenario in SCENARIOS:
        for size in SIZES if scenario in wanted else ():
            asyncio.run(shoot(scenario, *size))
    if "film" in wanted:
        asyncio.run(shoot_film())
    if "page" in wanted:
        (HERE / "screens.md").write_text(page())


if __name__ == "__main__":
    main()
