"""What a worker job is called after."""

import contextlib
import contextvars
import functools
import operator
from unittest.mock import Mock

import pytest

from loopviz.probe.job_site import job_site


def endpoint():
    pass


class Orders:
    def query(self):
        pass

    def __call__(self):
        pass


@contextlib.contextmanager
def session():
    yield


def stream():
    yield


def library(name="_run_sync_endpoint"):
    """A function as a library has it."""
    found = {}
    code = compile(f"def {name}(*_, **__): pass", "/v/site-packages/fastapi/routing.py", "exec")
    exec(code, found)
    return found[name]


def site(function, name=""):
    code = function.__code__
    name = name or function.__qualname__
    return f"{name}\t{__file__}\t{code.co_firstlineno}\t{name}"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (endpoint, ()),
        (functools.partial(endpoint, 1), ()),
        (functools.partial(contextvars.copy_context().run, endpoint, 1), ()),
        (functools.partial(library(), function=endpoint, arguments={}), ()),
        (library(), (1, endpoint)),
        (library(), (functools.partial(functools.partial(library(), endpoint)),)),
    ],
    ids=["plain", "partial", "to_thread", "FastAPI's endpoints", "argument", "nested"],
)
def test_the_user_s_function_is_found(function, arguments):
    assert job_site(function, arguments) == site(endpoint)


def test_a_method_and_a_generator():
    assert job_site(library(), (Orders().query,)) == site(Orders.query)
    assert job_site(library("_next"), (stream(),)) == site(stream)


def test_a_dependency_with_yield():
    """FastAPI runs its beginning and its end, each in a thread."""
    manager = session()
    decorated = session.__wrapped__
    assert job_site(manager.__enter__) == site(decorated, "session.__enter__")
    assert job_site(manager.__exit__, (None, None, None)) == site(decorated, "session.__exit__")


def test_a_library_s_own_job_keeps_its_name():
    name = "_run_sync_endpoint"
    assert job_site(library()) == f"{name}\t/v/site-packages/fastapi/routing.py\t1\t{name}"
    assert job_site(operator.add, (1, 2)) == "add\t\t0\tadd"
    assert job_site(Orders()).startswith("Orders\t")


def test_arguments_are_not_touched():
    class Proxy:
        def __getattribute__(self, name):
            raise AssertionError(name)

    assert job_site(library(), (Proxy(),)).startswith("_run_sync_endpoint\t")


def test_a_mock_has_no_code():
    """In a test of the user's, say: it has every attribute that is asked for."""
    assert job_site(Mock()) == "Mock\t\t0\tMock"
