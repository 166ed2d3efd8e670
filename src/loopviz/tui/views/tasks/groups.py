"""Groups of tasks: which are the server's own, and the line of the app that a group is about."""

from collections import Counter

from loopviz.model.snapshot import Location, TaskGroupInfo, TaskTable
from loopviz.tui.views.tasks.stack import is_library

__all__ = ["is_servers", "line_of", "servers_of", "waits_at"]

_SERVERS = (
    *("/uvicorn/", "/hypercorn/", "/daphne/", "/gunicorn/", "/loopviz/lab/target/"),
    *("/asyncio/selector_events.py", "/asyncio/proactor_events.py"),
)


def is_servers(group: TaskGroupInfo) -> bool:
    """Whether the server made its tasks for itself: to accept connections, to start and to end."""
    path = group.site.path if group.site is not None and not group.route else ""
    return any(part in path for part in _SERVERS)


def servers_of(view: TaskTable) -> frozenset[int]:
    """The numbers of the server's own tasks, which serve no request."""
    groups = {group.number for group in view.groups if is_servers(group)}
    return frozenset(t.number for t in view.tasks if t.group in groups and not t.request)


def waits_at(group: TaskGroupInfo, view: TaskTable) -> Location | None:
    """Where most of its tasks wait in the app's own code."""
    places = Counter(task.place for task in view.tasks if task.group == group.number and task.place)
    return next((place for place, _ in places.most_common() if not is_library(place)), None)


def line_of(group: TaskGroupInfo, view: TaskTable) -> Location | None:
    """Where most of its tasks wait in the app's own code; else the app's line that makes them."""
    if (place := waits_at(group, view)) is not None:
        return place
    return group.site if group.site is not None and not is_library(group.site) else None
