"""Look at the interface without a target: `python -m tests.tui.demo [dbpool] [--ascii]`.

It runs in this terminal, over a scenario on the terminal's own time; what the interface costs
without that is said at the end. Pictures are made by `docs/screenshots.py`.
"""

import argparse
import time

from loopviz.clock import SECOND
from loopviz.tui.app import LoopvizApp
from tests.tui.endpoints import PLAYS
from tests.tui.fake_run import T0, FakeRun

LATE_NS = 2 * SECOND
BEGIN_NS = T0 + 6 * SECOND


class Metered(FakeRun):
    """Counts what the interface costs without the world, once it has warmed up."""

    began: tuple[float, float] | None = None
    world_s = 0.0

    def frame(self, now_ns, window_ns):
        before = time.thread_time()
        frame = super().frame(now_ns, window_ns)
        self.world_s += time.thread_time() - before
        if self.began is None and now_ns > BEGIN_NS + LATE_NS:
            self.began, self.world_s = (time.monotonic(), time.process_time()), 0.0
        return frame

    def cost(self) -> str:
        if self.began is None:
            return "too short to tell what it costs"
        passed = time.monotonic() - self.began[0]
        cost = time.process_time() - self.began[1] - self.world_s
        return f"interface {cost / passed:.1%} of a core, world {self.world_s / passed:.1%}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", nargs="?", default="block", choices=PLAYS)
    parser.add_argument("--ascii", action="store_true")
    args = parser.parse_args()
    run = Metered(args.scenario)
    run.world.advance(BEGIN_NS)
    start = time.monotonic_ns() - BEGIN_NS
    LoopvizApp(run, clock=lambda: time.monotonic_ns() - start, ascii_only=args.ascii).run()
    print(run.cost())


if __name__ == "__main__":
    main()
