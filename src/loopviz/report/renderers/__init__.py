"""The formats in which reports are printed or saved: a file each, and a line in `RENDERERS`."""

from loopviz.errors import UsageError
from loopviz.report.renderers.base import Renderer
from loopviz.report.renderers.json import JsonRenderer
from loopviz.report.renderers.text import TextRenderer

__all__ = ["RENDERERS", "Renderer", "renderer"]

RENDERERS: dict[str, Renderer] = {
    "text": TextRenderer(),
    "json": JsonRenderer(),
}


def renderer(name: str) -> Renderer:
    """The renderer of that format. Raises UsageError, naming the formats there are."""
    if name not in RENDERERS:
        raise UsageError(f"There is no format {name!r}; there are: {', '.join(RENDERERS)}.")
    return RENDERERS[name]
