"""Which groups show their tasks: as the person wants it, else as there are few or there is room."""

from loopviz.model.snapshot import TaskGroupInfo, TaskTable

__all__ = ["Folds"]

FEW, MANY = 5, 20
"""A group of so few tasks is open by itself, until there are that many."""


class Folds:
    """Remembers what was opened and closed."""

    def __init__(self) -> None:
        self.most = 0
        """Rows that the largest group may fill; 0: it stays folded."""
        self.filling = 0
        """The number of the group that does; 0: none."""
        self.trouble_open = False
        self._flipped: dict[int, bool] = {}
        self._few: dict[int, bool] = {}

    def see(self, view: TaskTable) -> None:
        """Find the group that fills what the table has free: it has most tasks, and stays it."""
        folded = [
            group
            for group in view.groups
            if group.number not in self._flipped and not self.is_open(group)
        ]
        stays = any(group.number == self.filling and group.live > 1 for group in folded)
        if not self.most or not stays:
            largest = max(folded, key=lambda group: group.live, default=None)
            enough = self.most and largest is not None and largest.live > FEW
            self.filling = largest.number if largest is not None and enough else 0

    def is_open(self, group: TaskGroupInfo) -> bool:
        """As the person wants it; else if it has few tasks that stay."""
        few = self._few.get(group.number, False)
        few = not group.route and group.live <= (MANY if few else FEW)
        self._few[group.number] = few
        return self._flipped.get(group.number, few)

    def flip(self, group: TaskGroupInfo) -> None:
        """Open it, or close it."""
        shown = self.is_open(group) or group.number == self.filling
        self._flipped[group.number] = not shown

    def open(self, number: int) -> None:
        """Show all of it."""
        self._flipped[number] = True
