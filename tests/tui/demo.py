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
from builders import T0, BlockWorld, FakeController  # noqa: E402

from loopviz.clock import SECOND  # noqa: E402
from loopviz.tui.app import LoopvizApp  # noqa: E402


def live(ascii_only: bool) -> None:
    start = time.monotonic_ns()
    world = BlockWorld()
    world.advance(T0 + 6 * SECOND)
    controller = FakeController(world, clock_offset_ns=T0 + 6 * SECOND - start)

    class Shifted(LoopvizApp):
        """Runs on the world's time."""

    def clock() -> int:
        return time.monotonic_ns() - start + T0 + 6 * SECOND

    controller.offset = 0
    Shifted(controller, clock=clock, ascii_only=ascii_only).run()
    spent = time.process_time()
    passed = (time.monotonic_ns() - start) / 1e9
    sys.stderr.write(f"cpu {spent:.2f} s in {passed:.1f} s: {spent / passed * 100:.1f} %\n")


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
    parser.add_argument("--seconds", type=float, default=0, help="leave by itself after this long")
    args = parser.parse_args()
    os.environ.setdefault("COLORTERM", "truecolor")
    if args.shot:
        width, height = map(int, args.size.split("x"))
        keys = [key for key in args.keys.split(",") if key]
        asyncio.run(shot(args.shot, (width, height), args.at, keys))
    else:
        live(args.ascii)


if __name__ == "__main__":
    main()
