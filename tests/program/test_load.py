"""`--load "GET /items/{n} @ 50"`."""

import pytest

from loopviz.errors import UsageError
from loopviz.program.load import read_load


def test_a_route_and_its_rate():
    routes = read_load(["GET /items/{n} @ 50", "POST  /pay?to=a@b @0.5"])
    assert [(route.route, route.rps) for route in routes] == [
        ("GET /items/{n}", 50.0),
        ("POST /pay?to=a@b", 0.5),
    ]


def test_the_words_of_an_environment_variable_come_one_by_one():
    routes = read_load(["GET", "/a", "@", "5", "POST", "/b", "@", "2.5"])
    assert [(route.route, route.rps) for route in routes] == [("GET /a", 5.0), ("POST /b", 2.5)]


def test_no_load():
    assert read_load(["none"]) == ()
    assert read_load([]) == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("GET /", "does not say how often"),
        ("GET / @ often", "does not say how often"),
        ("GET / @ 0", "does not say how often"),
        ("GET / @ nan", "does not say how often"),
        ("GET / @ inf", "rps must be"),
        ("/ @ 5", "route must be a method and a path"),
        ("GET http://elsewhere/ @ 5", "route must be a method and a path"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_an_example(text, why):
    with pytest.raises(UsageError, match=rf"{why}.*as in --load \"GET"):
        read_load([text])
