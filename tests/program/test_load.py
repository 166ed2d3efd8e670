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


def test_headers_are_for_all_and_the_body_for_those_that_have_one(tmp_path):
    body = tmp_path / "order.json"
    body.write_text('{"item": {n}}')
    get, post = read_load(["GET /a @ 1", "POST /b @ 1"], ["authorization: Bearer x"], str(body))
    assert get.headers == post.headers == ("authorization: Bearer x",)
    assert (get.body, post.body) == ("", str(body))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("no colon", "is no header"),
        (": x", "is no header"),
        ("a b: x", "is no header"),
        ("a: b\r\nc: d", "is no header"),
        ("Host: elsewhere", "loopviz sets that one itself"),
        ("Content-Length: 3", "loopviz sets that one itself"),
    ],
)
def test_headers_that_cannot_be_sent(header, why):
    with pytest.raises(UsageError, match=why):
        read_load(["GET / @ 1"], [header])


def test_a_body_that_cannot_be_sent(tmp_path):
    with pytest.raises(UsageError, match="no file that can be read"):
        read_load(["POST / @ 1"], body=str(tmp_path))
    (tmp_path / "x").write_text("x")
    with pytest.raises(UsageError, match="none of these requests has a body"):
        read_load(["GET / @ 1"], body=str(tmp_path / "x"))
    with pytest.raises(UsageError, match="are for a load"):
        read_load(["none"], body=str(tmp_path / "x"))
