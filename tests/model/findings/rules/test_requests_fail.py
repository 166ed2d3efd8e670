"""Requests that fail: raised, answered 5xx, or sent to a route that is not there."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.snapshot import Location
from loopviz.testing import Story
from loopviz.wire.samples import TIMEOUT, Sample
from tests.model.findings.stories import answered, fed, found, request

LINE = Location(file="app/api.py", line=20, function="order", path="/app/api.py")
PLACE = "\t/app/api.py\t20\torder"
TOO_MANY = (
    "sqlalchemy.TimeoutError: QueuePool limit of size 5 overflow 0 reached, connection timed out, "
    "timeout 1.00 (Background on this error at: https://sqlalche.me/e/20/3o7r)"
)


def failing(count, error="ValueError: no luck", status=500, place=PLACE):
    story = Story().idle(MS)
    for task in range(1, count + 1):
        request(story, task).idle(30 * MS).step(task)
        if error:
            story.raises(task, error, place=place)
        answered(story, task, status)
    return story


def test_an_exception_at_a_line():
    (seen,) = found(failing(3))
    assert (seen.rule, seen.title, seen.severity) == ("requests-fail", "REQUESTS FAIL", "error")
    assert (seen.count, seen.worst_ns, seen.victims) == (3, 30 * MS, 0)
    assert seen.location == LINE
    assert seen.sentence == (
        "GET /a raised ValueError: no luck, in line 20 of /app/api.py; it was answered 500"
    )


def test_one_is_a_warning():
    (seen,) = found(failing(1))
    assert (seen.count, seen.severity) == (1, "warning")


def test_a_pool_s_timeout_is_told_without_its_advertisement():
    (seen,) = found(failing(2, TOO_MANY))
    assert seen.sentence == (
        "GET /a raised sqlalchemy.TimeoutError: QueuePool limit of size 5 overflow 0 reached, "
        "connection timed out, timeout 1.00, in line 20 of /app/api.py; it was answered 500"
    )


def test_one_finding_for_each_line_and_kind_of_exception():
    story = failing(2)
    other = PLACE.replace("20", "21")
    for task, error, place in [
        (11, "ValueError: something else", PLACE),
        (12, "KeyError: 'x'", PLACE),
        (13, "ValueError: no luck", other),
    ]:
        answered(request(story, task).raises(task, error, place=place), task, 500)
    counts = {(f.location.line, f.sentence.split()[3]): f.count for f in found(story)}
    assert counts == {(20, "ValueError:"): 3, (20, "KeyError:"): 1, (21, "ValueError:"): 1}


def test_an_exception_of_a_library_has_no_line():
    (seen,) = found(failing(2, "anyio.BrokenResourceError", place=""))
    assert seen.location is None
    assert seen.sentence == "GET /a raised anyio.BrokenResourceError; it was answered 500"


def test_an_exception_before_which_nothing_was_answered():
    (seen,) = found(failing(2, status=0))
    assert seen.sentence.endswith("in line 20 of /app/api.py")


@pytest.mark.parametrize("status", [500, 502, 504])
def test_the_app_itself_answers_so(status):
    (seen,) = found(failing(2, error="", status=status))
    assert (seen.count, seen.location) == (2, None)
    assert seen.sentence == (
        f"GET /a is answered {status} by the app itself: no exception went through"
    )


@pytest.mark.parametrize("status", [0, 200, 304, 404, 422, 429, 503])
def test_what_is_no_failure(status):
    assert found(failing(5, error="", status=status)) == []


def test_a_503_with_an_exception_is_one():
    (seen,) = found(failing(2, status=503))
    assert seen.sentence.endswith("it was answered 503")


# Routes that are not there


def model_of(*statuses, route="GET /missing", routes="GET /a, POST /items/{id}, GET /ping"):
    """The load's one route was answered so."""
    story = Story().idle(MS).mark(f"routes:{routes}") if routes else Story().idle(MS)
    model = fed(story, routes=[(route, 10.0)])
    model.feed_load(
        [Sample(0, i * SECOND, i * SECOND, i * SECOND + MS, s) for i, s in enumerate(statuses)],
        [len(statuses)],
        [0],
        [0],
    )
    return model


def test_all_are_answered_404():
    (seen,) = model_of(404, 404, 404).findings()
    assert (seen.rule, seen.severity, seen.count) == ("requests-fail", "error", 3)
    assert seen.location is None
    assert seen.sentence == (
        "GET /missing is answered 404: the app has no such route; "
        "it has GET /a, POST /items/{id}, GET /ping"
    )


def test_the_wrong_method():
    (seen,) = model_of(405, 405, 405, route="POST /a").findings()
    assert seen.sentence.startswith(
        "POST /a is answered 405: the app has no such route; it has GET"
    )


@pytest.mark.parametrize(
    ("route", "routes"), [("POST /items/{n}", "POST /items/{id}"), ("GET /missing", "")]
)
def test_a_route_that_is_there_or_may_be(route, routes):
    (seen,) = model_of(404, 404, 404, route=route, routes=routes).findings()
    assert seen.sentence == f"{route} is answered 404, every time"


@pytest.mark.parametrize(
    "statuses", [(404, 404), (404, 404, 404, 200), (404, 404, 404, 400), (TIMEOUT,) * 5]
)
def test_some_are_answered_otherwise_or_there_are_few(statuses):
    assert model_of(*statuses).findings() == ()


def test_once_one_is_answered_it_is_over():
    model = model_of(404, 404, 404)
    assert model.findings()
    model.feed_load([Sample(0, SECOND, SECOND, SECOND, 200)], [4], [0], [0])
    assert model.findings() == ()


def test_the_routes_are_no_mark():
    assert model_of(200).snapshot(1025 * SECOND, 10 * SECOND).marks == ()
