"""What a request waited for, in words."""

import pytest

from loopviz.model.snapshot.breakdown import Part
from loopviz.tui.views.live.parts import _what


@pytest.mark.parametrize(
    ("what", "library", "words"),
    [
        ("socket", "", "for a socket"),
        ("socket", "httpx", "for a socket of httpx"),
        ("event", "taskiq", "for an event of taskiq"),
        ("sleep", "tenacity", "sleep of tenacity"),
        ("sleep", "", "sleep"),
        ("", "", "it was not seen for what"),
    ],
)
def test_an_await_says_for_what_and_in_which_library(what, library, words):
    part = Part(kind="await", what=what, total_ns=1, count=1, location=None, library=library)
    assert _what(part, None) == words
