"""Every scenario and every fix as a person sees them, at three sizes: `pytest -m walk`.

One terminal per scenario is resized again and again. All waits are for the screen itself to say
that it has samples enough; their bounds are generous, since machines differ.
"""

import re
import time

import pytest

from loopviz.lab.catalogue import catalogue
from tests.e2e.terminals import Terminal
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.walk, pytest.mark.timeout(400)]

SMALL, SIZES = (80, 24), ((120, 35), (160, 50), (80, 24))
EFFECT_S, VERDICT_S, DRAWN_S = 20, 60, 8
"""How long the bug may take to show, a fix to be judged, and a change of size to be drawn."""
HOLDS_S = 10
"""What is solved is still solved so long after the key."""

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
    "httppool": r"5/5 FULL",
    "client": r"CLIENT PER REQUEST",
    "disconnect": r"orphaned requests [1-9]",
    "workers": r"SLOW CALLBACK",
}
"""What the bug looks like."""

LEAVES = {
    "httppool c": "pool exhausted",  # requests still queue for five slots, for 0.2 s at most
    "client b": "client per request",  # claimed: each client still opens its own connection
    "workers a": "forgotten",  # claimed: the two share no memory
    "workers b": "slow callback",  # each worker's loop is still blocked for 40 ms at a time
}
"""Fixes that help, and what they leave as it was: the screen names it."""

ERRORS = ("DIED", "FAILED", "Traceback", "STEPS ONLY", "no scenario")
VERDICT = re.compile(
    r"SOLVED since [a-f+]+ \(\d+ s\)|(BETTER, NOT SOLVED|NO CHANGE|WORSE|STILL HANGING)(: [^;]+)?"
)


@pytest.mark.parametrize("info", catalogue(), ids=lambda info: info.id)
def test_walk(info, ours):
    seen = Terminal(*SMALL, "run", info.id)
    try:
        seen.until(" LIVE ")
        seen.wait_for(lambda shown: re.search(SHOWS[info.id], sound(shown)), EFFECT_S)
        seen.wait_for(lambda shown: re.search(r"^ next ", shown, re.MULTILINE), VERDICT_S)
        look(seen, info, "")
        for letter, fix in zip("abcdef", info.fixes, strict=False):
            if fix.unavailable:
                continue
            on = letter
            if fix.adds:  # to what has been on before it, not to the last one
                on = "a" + letter
                if "[a " not in seen.text():
                    seen.press("a")
                    seen.until("[a ")
            elif f"{info.id} {letter}" in LEAVES:
                without_fix(seen)
            seen.press(letter)
            outcome = judged(seen, info, letter, fix)
            print(f"{info.id} {letter}: {outcome}")
            look(seen, info, on)
        seen.press("q")
        assert seen.end() == 0
        wait_until(lambda: not ours(), 5, "the end of all processes")
    finally:
        seen.close()


def without_fix(seen):
    """Back to the bug, until it has been measured again."""
    if on := re.search(r"\[([a-f]) ", seen.text().split("\n")[0]):
        seen.press(on.group(1))
        seen.wait_for(lambda shown: verdict(shown, ""), VERDICT_S, "the bug, measured")


def judged(seen, info, letter, fix):
    """Wait for the verdict on the fix, as the claims have it: it is solved, or it is not."""
    leaves = LEAVES.get(f"{info.id} {letter}")
    began = time.monotonic()

    def as_claimed(shown):
        word = verdict(shown, letter)
        solved = re.match(r"SOLVED .*\((\d+) s", word)
        if fix.wrong:
            assert not solved, shown
            return word if time.monotonic() - began > HOLDS_S else None
        if leaves:
            return word if word.startswith(f"BETTER, NOT SOLVED: {leaves}") else None
        return word if solved and int(solved.group(1)) >= HOLDS_S else None

    return seen.wait_for(as_claimed, VERDICT_S, f"the verdict on {info.id} {letter}")


def verdict(shown, letter):
    """The verdict in the last rows, with this fix on (empty: with none); empty: it is too early."""
    on = re.search(r"\[([a-f]) ", shown.split("\n")[0])
    told = [line for line in sound(shown).split("\n") if re.match(r" (next|wait) ", line)]
    is_on = f"[{letter} " in shown.split("\n")[0] if letter else not on
    found = VERDICT.search(told[-1]) if told and is_on else None
    return found.group() if found else ""


def look(seen, info, on):
    """At each size: what is wrong with the picture; it ends as small as it was."""
    for size in SIZES:
        if size != (seen.screen.columns, seen.screen.lines):
            seen.resize(*size)
        found = []

        def is_right(shown, found=found):
            found[:] = problems(sound(shown), info, on)
            return not found

        try:
            seen.wait_for(is_right, DRAWN_S, f"a picture of {size}")
        except AssertionError as error:
            error.add_note(f"{info.id} {on or 'bug'} at {size}: {'; '.join(found)}")
            raise


def problems(shown, info, on):
    """What is wrong with that screen."""
    rows = shown.split("\n")
    found = [f"cut: {row}" for row in rows if row[-1:].isalnum()]
    found += [f"not in the header: {name}" for name in names(info, on) if name not in fuller(rows)]
    listed = [
        letter
        for letter in "abcdef"[: len(info.fixes)]
        if any(row in shown for row in entry(letter, on))
    ]
    if len(listed) < len(info.fixes):
        found.append(f"listed are only {listed}")
    return found + [words for words, false in FALSE.items() if false(shown)]


def names(info, on):
    """`a to_thread`, `[b plain_def]` as the header has them; of cut ones, the beginning."""
    for letter, fix in zip("abcdef", info.fixes, strict=False):
        key = f"+{fix.key}" if fix.adds else fix.key
        open_, close = "[]" if letter in on else "()" if fix.unavailable else "  "
        yield f"{open_}{letter} {key}{close}"


def fuller(rows):
    """The header, with cut names as long as they are."""
    keys = [f"{plus}{fix.key}" for info in catalogue() for fix in info.fixes for plus in ("", "+")]
    header = rows[0]
    for cut in re.findall(r"[a-f] (\+?\w+)…", header):
        whole = next((key for key in keys if key.startswith(cut) and key != cut), cut)
        header = header.replace(f"{cut}…", whole)
    return header


def entry(letter, on):
    return (
        (f" {letter} (•) ", f" {letter} [x] ") if letter in on else (f" {letter} (", f" {letter} [")
    )


def sound(shown):
    """The text, once it is certain that nothing has gone wrong."""
    assert not [error for error in ERRORS if error in shown], shown
    return shown


FALSE = {
    "0.0 ms of nothing": lambda shown: re.search(r"→ +0\.0 ms +▼ gone", shown),
    "none since, and it goes on": lambda shown: (
        "none since" in shown and re.search(r"FINDING 1/\d+  [A-Z ]+ ─ \d+ victims", shown)
    ),
    "grows and stands still": lambda shown: "and rising" in shown and "stopped" in shown,
    "solved, and a fix is missing": lambda shown: "SOLVED since" in shown and "as well" in shown,
    "more live than started": lambda shown: re.search(r"\b1 live of 0 started", shown),
    "a lock of one": lambda shown: "Lock(1) 1/1" in shown,
}
"""Sentences that newcomers read, and that were not true."""
