"""A task in a few words: its state, what it waits for, what happened to it."""

from loopviz.model.snapshot import State, TaskInfo, TaskTable
from loopviz.model.state.stalls import SLOW_NS
from loopviz.tui.draw.glyphs import Glyphs
from loopviz.tui.draw.text import duration, took
from loopviz.tui.panels.places import file_line

__all__ = ["as_of", "situation", "state_words", "waits_on"]


def as_of(view: TaskTable, end_ns: int) -> int:
    """The moment of which the tasks are shown: the latest that any of their times reaches."""
    lives = (t.started_ns + t.busy_ns + t.ready_ns + t.waiting_ns for t in view.tasks)
    return min(max(lives, default=end_ns), end_ns)


def waits_on(task: TaskInfo) -> str:
    """What a task waits for, by name: a resource, `sleep`, `socket`; empty if it does not wait."""
    return (task.waits_for or task.place_what) if task.state is State.AWAIT else ""


def state_words(task: TaskInfo, at_ns: int, glyphs: Glyphs) -> tuple[str, str]:
    """Glyph and word, and the tone."""
    if task.never_retrieved:
        return f"{glyphs.bang} raised", "alarm"
    if task.outcome == "lost":
        return f"{glyphs.bang} lost", "alarm"
    if task.outlived_ns:
        return f"{glyphs.bang} outlived", "warm"
    if task.outcome or task.state is None:
        return f"{glyphs.dot} {task.outcome or 'ended'}", "dim"
    if task.state is State.RUN:
        if at_ns - task.since_ns > SLOW_NS:
            return f"{glyphs.blocking} BLOCKING", "alarm"
        return f"{glyphs.run} runs", "strong"
    if task.state is State.READY:
        return f"{glyphs.ready} ready", "warm"
    if task.idle:
        return f"{glyphs.waiting} idle", "dim"
    if task.waits_for:
        return f"{glyphs.resource} queues", "warm"
    if task.place_what == "thread":
        return f"{glyphs.thread} thread", "text"
    return f"{glyphs.waiting} waits", "dim"


def situation(task: TaskInfo, at_ns: int) -> list[str]:
    """Texts that say what happened to a task, or what it waits for; the longest one first."""
    if task.never_retrieved:
        return [f"never retrieved: {task.never_retrieved}", "never retrieved", "unheard"]
    line = file_line(task.place)
    if task.outcome == "lost":
        return [f"while it waited at {line}" if line else "while it waited", "while waiting"]
    if task.outlived_ns:
        longer = duration(task.outlived_ns, " ")
        return [f"its parent by {longer}", f"parent by {longer}", longer]
    if task.state is not State.AWAIT:
        return [""]
    what = waits_on(task)
    lasted = took(max(at_ns - task.since_ns, 0))
    parts = ((what, lasted, line), (what, lasted), (what,))
    return [" ".join(filter(None, part)) for part in parts]
