"""The source of a scenario file, and changes of it."""

from loopviz.lab.catalogue import (
    catalogue,
)

BUILTIN = catalogue()


GOOD = '''
"""A lesson."""
from loopviz.scenario import Fix, Load, Scenario

first = Fix(key="first", title="the first", why="it helps")
second = Fix("second", "the second", why="it does not", wrong=True)

scenario = Scenario(
    title="a title",
    lesson="One " "sentence.",
    look=("here", "there"),
    link="https://example.org",
    router=None,
    fixes=[first, second],
    load=[
        Load("GET /a", rps=12),
        Load("POST /b", 0.5, arrivals="constant", timeout_s=2.5),
    ],
)
'''


def changed(old, new, text=GOOD):
    assert old in text
    return text.replace(old, new)
