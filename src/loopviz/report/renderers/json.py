"""Reports for programs: JSON, see docs/report.md."""

from loopviz.output import to_json
from loopviz.report.document import FORMAT, Report

__all__ = ["JsonRenderer"]


class JsonRenderer:
    """Indented JSON in printable ASCII."""

    def report(self, report: Report) -> str:
        """The report as it is."""
        return to_json(report)

    def comparison(self, before: Report, after: Report) -> str:
        """Both, side by side."""
        return to_json({"format": FORMAT, "before": before, "after": after})
