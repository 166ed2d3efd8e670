"""The rows of `wire.kinds`: each is used by a patch, and whatever a patch records has one."""

import ast
from pathlib import Path

import loopviz
from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.testing import Story
from loopviz.wire import kinds
from loopviz.wire.kinds import Family, ResourceKind, all_kinds, kind_of

SOURCES = Path(loopviz.__file__).parent
ROWS = {name: row for name, row in vars(kinds).items() if isinstance(row, ResourceKind)}


def trees(folder, name):
    """The files in whose text that name is."""
    for path in folder.rglob("*.py"):
        text = path.read_text("utf-8")
        if name in text:
            yield path, ast.parse(text)


def test_every_row_is_used_by_a_patch():
    used = {
        node.attr
        for _, tree in trees(SOURCES / "probe" / "patches", "kinds")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "kinds"
    }
    assert used == set(ROWS)


def test_rows_are_made_in_one_file():
    """So what `ResourceDescription` is given, which mypy checks, is one of them."""
    made = {
        path.name
        for path, tree in trees(SOURCES, "ResourceKind")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        if "ResourceKind" in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
    }
    assert made == {"kinds.py"}


def test_no_two_rows_have_one_id():
    assert sorted(row.id for row in ROWS.values()) == sorted(row.id for row in all_kinds())
    assert all(kind_of(row.id) is row for row in ROWS.values())


def test_the_documentation_lists_every_kind():
    text = (SOURCES.parents[1] / "docs" / "probe.md").read_text("utf-8")
    assert [row.id for row in all_kinds() if f"`{row.id}`" not in text] == []


def test_units_have_a_plural():
    assert kind_of("sqlalchemy.pool").units == "database connections"
    assert kind_of("ProcessPoolExecutor").units == "worker processes"


def test_a_kind_of_another_version_is_a_resource_like_others():
    unknown = kind_of("redis.Pool")
    assert (unknown.family, unknown.class_name, unknown.holdable) == (Family.OTHER, "Pool", True)
    story, model = Story().resource(1, "redis.Pool", 2, made_at="/app/r.py\t7\tuse"), Model()
    for task in range(1, 9):
        story.task(task).step(task, MS).waits_for(task, 1)
        story.acquires(task, 1, min(task, 2)) if task < 3 else story.idle(SECOND)
    story.feed(model)
    (seen,) = model.snapshot(story.now_ns, SECOND).resources
    assert (seen.kind, seen.name) == ("redis.Pool", "/app/r.py:7 Pool(2)")
    assert (seen.in_use.now, seen.waiting.now) == (2, 6)
    assert model.findings(story.now_ns) == ()


def test_what_was_never_introduced_has_no_kind():
    story, model = Story().task(1).step(1, MS).acquires(1, 5).idle(MS), Model()
    story.feed(model)
    (seen,) = model.snapshot(story.now_ns, SECOND).resources
    assert (seen.kind, seen.name, seen.in_use.now) == ("", "resource", 1)
