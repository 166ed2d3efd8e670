"""The interface of a format of reports."""

from typing import Protocol

from loopviz.report.document import Report

__all__ = ["Renderer"]


class Renderer(Protocol):
    """A format in which reports are printed or saved; see `loopviz.report.renderers`."""

    def report(self, report: Report) -> str:
        """One run."""

    def comparison(self, before: Report, after: Report) -> str:
        """Two runs of one scenario, under the same arrivals."""
