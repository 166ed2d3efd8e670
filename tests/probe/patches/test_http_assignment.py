"""Which request has which connection of httpcore's pool, on a pool of the test's own."""

import pytest

from loopviz.probe.patches.http_clients import _compare, _PoolState


class Request:
    def __init__(self, connection=None):
        self.connection = connection


class Recorder:
    """In place of the recorder: what it is told, of which task."""

    def __init__(self):
        self.running, self.told, self.lines = 0, [], self

    def of(self, _frame):
        return 7

    def task(self):
        return self.running

    def wait(self, _resource):
        self.told.append(("wait", self.running))
        return self.running

    def wait_over(self, _resource, *, task_id):
        self.told.append(("over", task_id))

    def acquired(self, _resource, in_use, task_id, place):
        assert place == (7 if task_id == self.running else 0)
        self.told.append(("acquired", task_id, in_use))

    def released(self, _resource, in_use, task_id):
        self.told.append(("released", task_id, in_use))


class Pool:
    def __init__(self):
        self.recorder, self.state, self.requests = Recorder(), _PoolState(False), []

    def assigns(self, task, *, full):
        """The task's call of the pool; what is recorded then."""
        self.recorder.running, self.recorder.told = task, []
        _compare(self.recorder, None, self.state, self.requests, full=full)
        return self.recorder.told


@pytest.fixture
def pool():
    return Pool()


def test_two_that_get_one_free_connection_do_not_wait_while_the_pool_makes_more(pool):
    first, second = Request("A"), Request("A")
    pool.requests.append(first)
    assert pool.assigns(1, full=False) == [("acquired", 1, 1)]
    pool.requests.append(second)
    assert pool.assigns(2, full=False) == []
    second.connection = "B"
    assert pool.assigns(2, full=False) == [("acquired", 2, 2)]


def test_the_other_s_end_gives_it_to_the_task_that_asked(pool):
    first, second = Request("A"), Request("A")
    pool.requests[:] = [first, second]
    pool.state.having[first] = 1, "A"
    assert pool.assigns(2, full=False) == []
    pool.requests.remove(first)
    assert pool.assigns(1, full=False) == [("released", 1, 0), ("acquired", 2, 1)]


def test_of_a_full_pool_it_waits_from_its_own_next_step_on(pool):
    first, second, third = Request("A"), Request("A"), Request()
    pool.requests[:] = [first, second]
    pool.state.having[first] = 1, "A"
    assert pool.assigns(2, full=False) == []
    pool.requests.append(third)
    assert pool.assigns(3, full=True) == [("wait", 3)]
    second.connection = None
    assert pool.assigns(2, full=True) == [("wait", 2)]
    pool.requests.remove(second)
    assert pool.assigns(2, full=True) == [("over", 2)]


def test_one_that_gives_up_meanwhile_has_not_waited(pool):
    first, second = Request("A"), Request("A")
    pool.requests[:] = [first, second]
    pool.state.having[first] = 1, "A"
    assert pool.assigns(2, full=False) == []
    pool.requests.remove(second)
    assert pool.assigns(2, full=False) == []
    assert pool.state.contending == {}
