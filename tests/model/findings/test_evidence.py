"""What sentences of several rules have in common."""

import pytest

from loopviz.model.findings.evidence import quoted


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("await lock.acquire()  # at last", "await lock.acquire()"),
        ("async with lock:", "async with lock"),
        ("return request.url_for(", "return request.url_for(…"),
        ("rows = [", "rows = […"),
        ("", ""),
    ],
)
def test_a_line_is_quoted_without_what_says_nothing(line, text):
    assert quoted(line) == text
