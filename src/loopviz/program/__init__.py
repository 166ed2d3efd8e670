"""A program of the user's own, as the command line names it, and how it is started."""

from loopviz.program.program import Program

__all__ = ["Program"]
