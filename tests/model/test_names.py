"""Short paths, and the sites that the probe writes."""

import pytest

from loopviz.model.names import Naming, parse_site
from loopviz.model.snapshot import Location


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("/app/x.py", "scenarios/x.py"),
        ("/app/sub/x.py", "scenarios/sub/x.py"),
        ("/apple/x.py", "/apple/x.py"),
        ("/here/x.py", "x.py"),
        ("/v/lib/python3.11/site-packages/uvicorn/server.py", "uvicorn/server.py"),
        ("/usr/lib/python3/dist-packages/x/y.py", "x/y.py"),
        ("/usr/lib/python3.11/asyncio/events.py", "asyncio/events.py"),
        ("<frozen runpy>", "<frozen runpy>"),
        ("", ""),
    ],
)
def test_short_paths(path, short):
    assert Naming([("/app", "scenarios"), ("/here/", "")]).short(path) == short


def test_a_frame_has_one_location():
    naming = Naming([("/app", "scenarios")])
    frame = "\t/app/x.py\t3\tf"
    assert naming.location(frame) == Location(
        file="scenarios/x.py", line=3, function="f", path="/app/x.py"
    )
    assert naming.location(frame) is naming.location(frame)
    for line in range(10_000):
        naming.location(f"\t/app/x.py\t{line}\tf")
    assert naming.location(frame).line == 3


def test_sites():
    assert parse_site("f\tx.py\t3\tg") == ("f", "x.py", 3, "g", "")
    assert parse_site("f\tx.py\t3\tg\thttpx") == ("f", "x.py", 3, "g", "httpx")
    assert parse_site("f") == ("f", "", 0, "", "")
    assert parse_site("") == ("", "", 0, "", "")
    assert parse_site("\t0\t") == ("", "0", 0, "", "")
    assert parse_site("f\tx.py\tno\tg") == ("f", "x.py", 0, "g", "")


def test_what_the_probe_does_is_no_line_of_the_users():
    naming = Naming([("/app", "")])
    assert not naming.is_users("/app/src/loopviz/probe/asgi.py")
    assert not naming.is_users("/elsewhere/loopviz/lab/target/serving.py")
    assert naming.is_users("/app/src/loopviz/_scenarios/block.py")
