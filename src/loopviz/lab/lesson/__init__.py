"""The lesson in a scenario's source: its endpoints, and which of their lines run with which fixes.

Reads the file's text without running it, as the catalogue does. What it does not understand it
takes as running, and an odd file has no lines: nothing here raises.
"""

from loopviz.lab.lesson.branches import Span
from loopviz.lab.lesson.source_lines import Lesson, SourceLine

__all__ = ["Lesson", "SourceLine", "Span"]
