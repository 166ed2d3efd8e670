"""Whose a primitive is: the app's, or a library's own means of waiting for its I/O."""

from types import FrameType

from loopviz.probe.places import PLACES, USER, is_generated

__all__ = ["made_by_library"]

_CONSTRUCTORS = frozenset(("__init__", "__new__", "__call__", "__post_init__", "create_lock"))
"""Functions by which an object is made as a part of another; the last one is anyio's."""


def made_by_library(frame: FrameType | None) -> bool:
    """True if a library made something for itself; `frame` is where it calls the class.

    What is made in the constructor of an object is whose that object is: a lock in a cache that
    user code makes is the app's, one that a client makes for each of its connections is not.
    """
    known = PLACES.kinds
    while frame is not None:
        code = frame.f_code
        user = (known.get(id(code)) or PLACES.kind(code)) == USER
        if user and not is_generated(frame):  # as a dataclass's constructor is
            return False
        if code.co_name not in _CONSTRUCTORS:
            return True
        frame = frame.f_back
    return True
