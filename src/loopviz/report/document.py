"""The report as a document: JSON-ready values, see docs/report.md."""

from typing import Any

__all__ = ["FORMAT", "Report", "failed"]

Report = dict[str, Any]

FORMAT = 1
"""The version of the keys; a key keeps its name and its meaning as long as this is the same."""


def failed(route: dict[str, Any]) -> int:
    """The failed requests of an entry of a report's `load[]`, without those whose client left."""
    return sum(count for kind, count in route["errors"].items() if kind != "left")
