"""Paths of which no route is known: folded by their shape, and few."""

import pytest

from loopviz.probe.route_names import PathShapes, shape


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("/", "/"),
        ("/v1/items/17", "/v1/items/{…}"),
        ("/u/550e8400-e29b-41d4-a716-446655440000/x", "/u/{…}/x"),
        ("/blob/deadbeef01", "/blob/{…}"),
        ("/decade/facade", "/decade/facade"),
        ("/t/" + "a" * 41, "/t/{…}"),
        ("*", "*"),
    ],
)
def test_shape(path, folded):
    assert shape(path) == folded
    assert PathShapes().of(path) == folded


def test_names_of_which_there_are_many_are_parameters():
    shapes = PathShapes()
    seen = {shapes.of(f"/blog/post-{n}-x/edit") for n in range(1000)}
    assert len(seen) == 31
    assert shapes.of("/blog/quite-new/edit") == "/blog/{…}/edit"
    assert shapes.of("/blog/post-1-x/edit") == "/blog/post-1-x/edit", "it keeps its row"


def test_there_are_few_whatever_a_client_sends():
    shapes = PathShapes()
    seen = {shapes.of(f"/a{n % 37}-x/b{n % 41}-x/c{n}-x/d{n}-x") for n in range(20_000)}
    assert len(seen) < 10_000
