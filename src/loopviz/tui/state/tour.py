"""The tour's state: which lesson, which step of it, what was answered. Frozen data."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

__all__ = ["COMPARE", "END", "FIX", "GUESS", "STEPS", "WATCH", "Tour"]

STEPS = WATCH, GUESS, FIX, COMPARE = ("watch", "guess", "fix", "compare")
END = "end"
"""After the last lesson."""


@dataclass(frozen=True, slots=True)
class Tour:
    """Each lesson is watched, then guessed at, fixed, and compared with how it was."""

    lessons: tuple[str, ...]
    """Ids, in teaching order."""
    lesson: str
    step: str = WATCH
    done: frozenset[str] = frozenset()
    """The lessons that were seen to their end."""
    cursor: int = 0
    """The answer under the cursor."""
    tried: tuple[int, ...] = ()
    """The answers that were given, the last one last."""

    @classmethod
    def begun(
        cls,
        lessons: Iterable[str],
        lesson: str = "",
        step: str = WATCH,
        done: Iterable[str] = (),
    ) -> "Tour":
        """Where it was left, as far as there still is such a lesson."""
        known = tuple(lessons)
        if known and set(known) <= set(done):
            return cls(known, known[-1], END, frozenset(done))
        if lesson not in known:
            return cls(known, known[0] if known else "", done=frozenset(done))
        return cls(known, lesson, step if step in STEPS else WATCH, frozenset(done))

    @property
    def place(self) -> int:
        """The lesson's number, from 1."""
        return self.lessons.index(self.lesson) + 1

    @property
    def kept(self) -> tuple[str, str, frozenset[str]]:
        """What is worth keeping until the next start."""
        return self.lesson, self.step, self.done

    def at(self, lesson: str, step: str = WATCH) -> "Tour":
        """At a step of a lesson, with nothing answered."""
        return Tour(self.lessons, lesson, step, self.done)

    def moved(self, by: int, answers: int) -> "Tour":
        """The cursor goes down by that many answers."""
        return replace(self, cursor=max(0, min(answers - 1, self.cursor + by)))

    def answered(self) -> "Tour":
        """The answer under the cursor is given."""
        tried = (*(place for place in self.tried if place != self.cursor), self.cursor)
        return replace(self, tried=tried)

    def fixed(self, cured: bool) -> "Tour":
        """A fix that helps is on, or none is: the step is what that makes of it."""
        if self.step == FIX and cured:
            return replace(self, step=COMPARE)
        return replace(self, step=FIX) if self.step == COMPARE and not cured else self

    def finished(self) -> "Tour":
        """The lesson is done: the next one that is not, or the end."""
        done = self.done | {self.lesson}
        later = self.lessons[self.place :] + self.lessons[: self.place]
        following = next((lesson for lesson in later if lesson not in done), "")
        if not following:
            return Tour(self.lessons, self.lesson, END, done)
        return Tour(self.lessons, following, done=done)
