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


def test_a_closed_loop_is_a_number_of_clients():
    routes = read_load(["GET / clients=20", "post /a, clients = 3", "GET /x?clients=5 @ 2/s"])
    assert [(route.route, route.rps, route.clients) for route in routes] == [
        ("GET /", 0.0, 20),
        ("POST /a", 0.0, 3),
        ("GET /x?clients=5", 2.0, 0),
    ]
    words = [
        "GET",
        "/",
        "clients=20",
        "WS",
        "/chat",
        "@",
        "5",
        "openapi",
        "all",
        "@",
        "3",
        "SSE",
        "/events",
        "clients=2",
    ]
    routes = read_load(words)
    assert [(route.route, route.rps, route.clients) for route in routes] == [
        ("GET /", 0.0, 20),
        ("WS /chat", 5.0, 0),
        ("openapi all /openapi.json", 3.0, 0),
        ("SSE /events", 0.0, 2),
    ]


@pytest.mark.parametrize(
    "text",
    ["GET / clients=0", "GET / clients=2.5", "GET / clients=many", "GET / clients=2001"],
)
def test_clients_that_cannot_be(text):
    with pytest.raises(UsageError, match=r"clients must be a whole number from 1 to 2,000, not"):
        read_load([text])


def test_what_is_measured_of_a_stream_has_a_row_each():
    chat, events, page = read_load(["WS /chat?a=b @ 5", "SSE /events clients=20", "GET / @ 1"])
    assert chat.rows == (
        ("WS /chat connect", 5.0, 0, "WS /chat"),
        ("WS /chat answer", 0.0, 0, "WS /chat"),
    )
    assert events.rows == (
        ("SSE /events first event", 0.0, 20, "GET /events"),
        ("SSE /events gap", 0.0, 20, "GET /events"),
    )
    assert page.rows == (("GET /", 1.0, 0, "GET /"),)


@pytest.mark.parametrize(
    ("text", "route", "rps"),
    [
        ("openapi", "openapi /openapi.json", 20),
        ("openapi @ 5", "openapi /openapi.json", 5),
        ("openapi all /api/openapi.json @5", "openapi all /api/openapi.json", 5),
    ],
)
def test_the_app_is_asked_for_its_routes(text, route, rps):
    assert [(one.route, one.rps) for one in read_load([text])] == [(route, rps)]


@pytest.mark.parametrize("text", ["openapi everything", "openapi @ 0", "openapi clients=5"])
def test_how_the_app_cannot_be_asked(text):
    with pytest.raises(UsageError, match=r'as in --load "openapi all @ 20"'):
        read_load([text])


FILE = """
headers = { authorization = "Bearer x" }

[[load]]
route = "GET /items/{n}"
rps = 50
arrivals = "constant"

[[load]]
route = "post /orders"
clients = 3
body = "order.json"
headers = { accept = "text/html" }

[[load]]
route = "WS /chat"
rps = 2
messages = 10
text = "hello {n}"
"""


def test_a_file_has_several_loads(tmp_path):
    (tmp_path / "order.json").write_text("{}")
    (tmp_path / "my load.toml").write_text(FILE)
    both = ["GET / @ 1", str(tmp_path / "my load.toml")]
    items, orders, chat, page = read_load(both, ["x: y"])
    assert page.route == "GET /"
    assert (items.rps, items.arrivals) == (50, "constant")
    assert items.headers == ("x: y", "authorization: Bearer x")
    assert (orders.route, orders.clients, orders.rps) == ("POST /orders", 3, 0)
    assert orders.body == str(tmp_path / "order.json")
    assert orders.headers == ("x: y", "authorization: Bearer x", "accept: text/html")
    assert (chat.text, chat.messages) == ("hello {n}", 10)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no load: it needs one"),
        ("load = 3", "has no load"),
        ("nonsense", "is no TOML"),
        ("rate = 3", "has no 'rate'; there are: headers, load"),
        ("[[load]]\nrps = 3", "load 1 has no route"),
        ("[[load]]\nroute = 'GET'\nrps = 3", "route must be a method and a path"),
        ("[[load]]\nroute = 'GET /'", "needs either rps or clients"),
        ("[[load]]\nroute = 'GET /'\nrps = 1\nclients = 1", "needs either rps or clients"),
        ("[[load]]\nroute = 'GET /'\nrps = 'x'", r"load 1 \(GET /\): rps must be a number"),
        ("[[load]]\nroute = 'GET /'\nrps = -1", "rps must be 0 or more, not -1"),
        ("[[load]]\nroute = 'GET /'\nclients = 0", "clients must be a whole number from 1"),
        ("[[load]]\nroute = 'GET /'\nrps = 1\nrate = 2", "has no 'rate'; there are: route, rps"),
        ("[[load]]\nroute = 'GET /'\nrps = 1\ntext = 'x'", "a GET sends none"),
        ("[[load]]\nroute = 'GET /'\nrps = 1\nmessages = 1", "messages are for WS and SSE"),
        ("[[load]]\nroute = 'POST /'\nrps = 1\nbody = 'no'", "there is no file"),
        ("[[load]]\nroute = 'POST /'\nrps = 1\nbody = 'a'\ntext = 'b'", "leave one out"),
        ("headers = { host = 'x' }\n[[load]]\nroute='GET /'\nrps=1", "sets that one itself"),
        ("headers = 3\n[[load]]\nroute='GET /'\nrps=1", "headers must be texts by name"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_sentence(tmp_path, text, why):
    (tmp_path / "load.toml").write_text(text)
    with pytest.raises(UsageError, match=why):
        read_load([str(tmp_path / "load.toml")])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_load([str(tmp_path / "load.toml")])


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
