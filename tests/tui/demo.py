"""Look at the interface without a target: `python tests/tui/demo.py [--ascii] [--shot FILE]`.

`--shot out.svg --size 160x50 --at 8 --keys a,space` plays so many seconds of virtual time, presses
the keys in the last third, and saves a picture; without it the app runs in this terminal.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from builders import T0, FakeController

from loopviz.clock import SECOND
from loopviz.tui.app import LoopvizApp


class Metered(FakeController):
    """Counts what the interface costs without the fake world, once it has warmed up."""

    began: tuple[float, float] | None = None
    polls_s = 0.0

    def frame(self, now_ns, window_ns):
        before = time.thread_time()
        frame = super().frame(now_ns, window_ns)
        self.polls_s += time.thread_time() - before
        if self.began is None and now_ns > T0 + 8 * SECOND:
            self.began, self.polls_s = (time.monotonic(), time.process_time()), 0.0
        return frame

    def close(self):
        super().close()
        if self.began:
            passed = time.monotonic() - self.began[0]
            cost = time.process_time() - self.began[1] - self.polls_s
            self.cost = f"interface {cost / passed:.1%}, fake world {self.polls_s / passed:.1%}"


def live(ascii_only: bool, report: Path | None) -> None:
    """In this terminal, on the world's time."""
    start = time.monotonic_ns()
    controller = Metered()
    controller.world.advance(T0 + 6 * SECOND)
    app = LoopvizApp(
        controller,
        clock=lambda: time.monotonic_ns() - start + T0 + 6 * SECOND,
        ascii_only=ascii_only,
    )
    app.run()
    if report:
        report.write_text(f"{controller.cost} of a core\n")


async def shot(path: Path, size: tuple[int, int], seconds: float, keys: list[str]) -> None:
    now = T0
    controller = FakeController()
    app = LoopvizApp(controller, clock=lambda: now, fps=0, ascii_only="--ascii" in sys.argv)
    async with app.run_test(size=size) as pilot:
        end = T0 + int(seconds * SECOND)
        pressed = False
        while now < end:
            now += SECOND // 15
            if not pressed and now > T0 + (end - T0) * 2 // 3:
                for key in keys:
                    await pilot.press(key)
                pressed = True
            app.tick(whole=True)
            await pilot.pause()
        path.write_text(app.export_screenshot(title="loopviz"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--shot", type=Path)
    parser.add_argument("--size", default="80x24")
    parser.add_argument("--at", type=float, default=8.0)
    parser.add_argument("--keys", default="")
    parser.add_argument("--report", type=Path, help="write the cost to this file at the end")
    args = parser.parse_args()
    os.environ.setdefault("COLORTERM", "truecolor")
    if args.shot:
        width, height = map(int, args.size.split("x"))
        keys = [key for key in args.keys.split(",") if key]
        asyncio.run(shot(args.shot, (width, height), args.at, keys))
    else:
        live(args.ascii, args.report)


if __name__ == "__main__":
    main()
