"""The lesson in a scenario's source: its endpoints, and which of their lines run with which fixes.

Reads the file's text without running it, as the catalogue does. Lines that it cannot judge count as
running; a file that it cannot parse has no lines. Nothing here raises.
"""

from loopviz.lab.lesson.branches import Span
from loopviz.lab.lesson.source_lines import Lesson, SourceLine

__all__ = ["Lesson", "SourceLine", "Span"]
