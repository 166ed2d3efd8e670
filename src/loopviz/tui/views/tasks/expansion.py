"""Which task groups are expanded: those that the person opened, small ones, and the largest."""

from loopviz.model.snapshot import TaskGroupInfo, TaskTable
from loopviz.tui.views.tasks.groups import is_servers

__all__ = ["Expansion"]

SMALL_GROUP, LARGE_GROUP = 5, 20
"""Tasks up to which a group is expanded by itself, and beyond which it collapses again."""


class Expansion:
    """Remembers which groups were expanded and collapsed."""

    def __init__(self) -> None:
        self.max_rows = 0
        """Rows that the largest group may fill; 0: it stays collapsed."""
        self.filling = 0
        """The number of the group that fills the free rows; 0: none does."""
        self.trouble_open = self.server_open = False
        self._toggled: dict[int, bool] = {}
        self._few: dict[int, bool] = {}

    def update(self, view: TaskTable) -> None:
        """Choose the group that fills the free rows: the one with most tasks, kept once chosen."""
        collapsed = [
            group
            for group in view.groups
            if group.number not in self._toggled
            and not self.is_open(group)
            and not is_servers(group)
        ]
        stays = any(group.number == self.filling and group.live > 1 for group in collapsed)
        if not self.max_rows or not stays:
            largest = max(collapsed, key=lambda group: group.live, default=None)
            enough = self.max_rows and largest is not None and largest.live > SMALL_GROUP
            self.filling = largest.number if largest is not None and enough else 0

    def is_open(self, group: TaskGroupInfo) -> bool:
        """True if the person expanded it; unless they chose, if it has few tasks."""
        few = self._few.get(group.number, False)
        few = not group.route and group.live <= (LARGE_GROUP if few else SMALL_GROUP)
        self._few[group.number] = few
        return self._toggled.get(group.number, few)

    def toggle(self, group: TaskGroupInfo) -> None:
        """Expand the group, or collapse it."""
        expanded = self.is_open(group) or group.number == self.filling
        self._toggled[group.number] = not expanded

    def open(self, number: int) -> None:
        """Show all of it."""
        self._toggled[number] = True
