"""What FastAPI does for an endpoint that does not run: told by stacks and by findings."""

from typing import NamedTuple

from loopviz.units import size_text

__all__ = ["BODY", "DEPENDENCIES", "OTHER", "RESPONSE", "EndpointWork", "parse"]

BODY, DEPENDENCIES, RESPONSE, OTHER = "body", "dependencies", "response", "other"


class EndpointWork(NamedTuple):
    """What FastAPI does before an endpoint runs, or after it has returned."""

    kind: str
    """`BODY`, `DEPENDENCIES` or `RESPONSE`; `OTHER`: not known."""
    body_bytes: int = 0
    """The size of the request's body, 0: not known."""

    @property
    def name(self) -> str:
        """`body 12000000`: the name of the endpoint's frame in a stack.

        The size has two digits, so that there are few such names.
        """
        return (
            f"{self.kind} {float(f'{self.body_bytes:.2g}'):.0f}" if self.body_bytes else self.kind
        )

    @property
    def when(self) -> str:
        """When that is, as seen from the endpoint: `before it ran`; empty: not known."""
        known = {
            BODY: "before it ran",
            DEPENDENCIES: "before it ran",
            RESPONSE: "after it returned",
        }
        return known.get(self.kind, "")

    def text(self, endpoint: str) -> str:
        """The work as part of a sentence: `serialising the response of rows`."""
        if self.kind == BODY:
            size = f" ({size_text(self.body_bytes)})" if self.body_bytes else ""
            return f"parsing and validating the body{size}, before {endpoint} ran"
        if self.kind == DEPENDENCIES:
            return f"solving the dependencies of {endpoint}, before it ran"
        if self.kind == RESPONSE:
            return f"serialising the response of {endpoint}, after it returned"
        return f"in FastAPI's own work for {endpoint}"


def parse(name: str) -> EndpointWork:
    """The work that a frame's name stands for, see `EndpointWork.name`."""
    kind, _, size = name.partition(" ")
    return EndpointWork(kind, int(size) if size.isdigit() else 0)
