"""Every scenario and every fix as a person sees them, at 80×24: `pytest -m walk`.

Each opens and shows its effect within 5 s; each fix shows what it changed within 3 s of its key;
no error on the screen, and nothing of ours is left after `q`.
"""

import re
import time

import pytest

from loopviz.lab.catalogue import catalogue
from tests.e2e.terminals import Terminal
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.walk, pytest.mark.timeout(180)]

EFFECT_S, FIX_S = 5, 3
BASELINE_S = 3
"""The compare strip wants 30 samples from before, too."""

SHOWS = {
    "block": r"SLOW CALLBACK",
    "cpu": r"SLOW CALLBACK",
    "threads": r"40/40 FULL",
    "json": r"SLOW CALLBACK",
    "sequential": r"SEQUENTIAL AWAITS",
    "fanout": r"refused [1-9]",
    "failfast": r"wasted calls [1-9]",
    "background": r"missing [1-9]",
    "queue": r"UNBOUNDED GROWTH",
    "race": r"lost votes [1-9]",
    "convoy": r"LOCK",
    "stampede": r"needless loads [1-9]",
    "idem": r"charged twice [1-9]",
    "dbpool": r"5/5 FULL",
    "httppool": r"10/10 FULL",
    "client": r"CLIENT PER REQUEST",
    "disconnect": r"orphaned requests [1-9]",
    "workers": r"SLOW CALLBACK",
}
"""What the bug looks like."""

ERRORS = ("DIED", "FAILED", "Traceback", "STEPS ONLY", "no scenario")
VERDICT = re.compile(r"▼|▲|= same")


@pytest.mark.parametrize("info", catalogue(), ids=lambda info: info.id)
def test_walk(info, ours):
    seen = Terminal(80, 24, "run", info.id)
    try:
        seen.until(" LIVE ")
        seconds_until(seen, EFFECT_S, lambda shown: re.search(SHOWS[info.id], shown))
        for letter, fix in zip("abcdef", info.fixes, strict=False):
            if fix.unavailable:
                continue
            time.sleep(BASELINE_S)
            seen.press(letter)
            took = seconds_until(seen, FIX_S, lambda shown, letter=letter: fixed(shown, letter))
            print(f"{info.id} {letter}: {took:.1f} s")
            seen.press(letter)
            seen.until(f"{letter}[ ]", timeout_s=1)
        seen.press("q")
        assert seen.end() == 0
        wait_until(lambda: not ours(), 3, "the end of all processes")
    finally:
        seen.close()


def fixed(shown, letter):
    """The fix is on, and the compare strip says what that changed."""
    compared = [line for line in shown.split("\n")[-4:] if VERDICT.search(line)]
    return f"{letter}[x]" in shown and f"→ {letter} " in shown and compared


def seconds_until(seen, within_s, condition):
    """Wait until the screen shows it; how long that took."""
    start = time.monotonic()

    def holds(shown):
        assert not [error for error in ERRORS if error in shown], shown
        return condition(shown)

    seen.wait_for(holds, within_s)
    return time.monotonic() - start
