"""Where a task is, and who waits for whom: asked of a real target, its loop held or not."""

import pytest

from tests.e2e.sessions import frame, frame_when

pytestmark = pytest.mark.real

BASKET = """
import asyncio

from fastapi import APIRouter

from loopviz.scenario import Load, Scenario

router = APIRouter()
scenario = Scenario(
    title="basket", lesson="l", look=("l",), router=router, load=[Load("GET /basket", rps=10)]
)


@router.get("/basket")
async def basket():
    await asyncio.gather(asyncio.sleep(1), asyncio.sleep(1))
"""
"""Whenever it is asked, some of its requests are in the middle of a gather."""


def asked(run, wanted):
    """The await stack of the first task for which it is as wanted; the tasks come and go."""
    found = []

    def look(now):
        for task in now.snapshot.tasks.tasks if now.snapshot else ():
            if task.label.startswith("GET /order"):
                stack = run.ask_stack(task.number)
                if stack and wanted(stack):
                    found.append(stack)
                return bool(found)
        return False

    frame_when(run, look)
    return found[0]


def test_a_task_that_waits_for_the_pool_says_where(session):
    run = session("dbpool")
    path = frame(run).scenario.path
    stack = asked(run, lambda stack: any(place.path == str(path) for place in stack))
    own = [place.function for place in stack if place.path == str(path)]
    assert own[0] == "order"
    assert not any("loopviz/probe" in place.path for place in stack)


def test_a_task_that_holds_the_loop_says_where(session):
    run = session("block")
    found = []

    def look(now):
        running = now.snapshot.loop.running if now.snapshot else None
        for task in now.snapshot.tasks.tasks if running else ():
            if task.label == "GET /report":
                stack = run.ask_stack(task.number)
                if stack and stack[-1].function == "report":
                    found.append(stack[-1])
        return bool(found)

    frame_when(run, look)
    assert found[0].file == "scenarios/block.py"


def test_the_tree_says_what_the_tasks_of_a_real_target_await(session, tmp_path):
    """While the tree is asked for, the target is asked what all its tasks await."""
    (tmp_path / "basket.py").write_text(BASKET)
    run = session("basket", folders=(tmp_path,))
    found = []

    def look(_now):
        tree = run.ask_tree()
        nodes = tree.nodes if tree else ()  # at the end of a gather one task is left of it
        found[:] = [node for node in nodes if node.how == "gather" and node.of > 1]
        return bool(found)

    frame_when(run, look)
    assert found[0].label == "GET /basket"
    assert found[0].location.path == str(frame(run).scenario.path)
