"""What loopviz watches for: each rule in a few words, and what it means in a sentence."""

from typing import NamedTuple

__all__ = ["RULES", "RuleText", "rule_text"]


class RuleText(NamedTuple):
    """A rule, for people."""

    short: str
    means: str


RULES: dict[str, RuleText] = {
    "slow-callback": RuleText(
        "a callback holds the loop for 20 ms or more",
        "While one callback runs, nothing else does: every other request waits until it returns.",
    ),
    "gil-contention": RuleText(
        "a thread computes and keeps the GIL from the loop",
        "A thread that computes keeps the GIL: the loop has work and may not run it.",
    ),
    "request-hangs": RuleText(
        "requests wait and wait, while the loop idles",
        "What they wait for does not come: a lock that is never given back, a result nobody sets.",
    ),
    "ready-delay-high": RuleText(
        "too many short callbacks: all wait their turn",
        "No callback is slow, there are too many: each waits until all before it have run.",
    ),
    "pool-exhausted": RuleText(
        "a pool or semaphore has no unit left",
        "Once every slot is taken, newcomers queue for one; meanwhile the loop itself is idle.",
    ),
    "thread-limiter-exhausted": RuleText(
        "all worker threads are taken",
        "def endpoints and executors share a few threads; when all are busy, jobs queue for one.",
    ),
    "lock-convoy": RuleText(
        "tasks queue for one lock",
        "A lock lets one task pass at a time: each of the others waits for all that are before it.",
    ),
    "lock-held-across-io": RuleText(
        "a lock is held while its holder waits",
        "Its holder waits for something slow with the lock in hand, and the others wait with it.",
    ),
    "task-never-retrieved": RuleText(
        "a task raises, and nobody looks",
        "An exception of a task that nobody awaits is lost: what it was to do has not been done.",
    ),
    "task-outlived-parent": RuleText(
        "tasks go on after who made them has ended",
        "Nobody awaits such a task: nobody sees how it ends, and it is cut off at shutdown.",
    ),
    "task-lost": RuleText(
        "a pending task is destroyed",
        "The loop keeps only weak references to tasks: one that nobody refers to may vanish.",
    ),
    "unbounded-growth": RuleText(
        "a queue, or the number of tasks, grows and grows",
        "More comes in than is worked off, and nothing says stop: memory and delay grow with it.",
    ),
    "client-per-request": RuleText(
        "requests make a client or a pool of their own",
        "Each has to connect anew, and connections pile up; one for the whole app is enough.",
    ),
    "sequential-awaits": RuleText(
        "similar awaits, one by one",
        "Waits in a row add up; those that do not need each other could overlap, gathered.",
    ),
    "cancelled-mid-write": RuleText(
        "a request is cut off while it writes",
        "A cancelled request stops at its await: what it had begun to write may be half-written.",
    ),
    "retry-storm": RuleText(
        "failed calls are tried again and again",
        "Retries come on top of the load that made the calls fail, and so keep them failing.",
    ),
    "requests-fail": RuleText(
        "requests raise, or are answered 5xx",
        "The app itself fails these requests: an exception nobody caught, or a 5xx of its own.",
    ),
}
"""By the rule's id, in the order of docs/report.md."""


def rule_text(rule: str) -> RuleText:
    """Of a rule that is not known, nothing."""
    return RULES.get(rule, RuleText(rule, ""))
