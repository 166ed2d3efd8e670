"""Which fix of the scenario to suggest for a finding."""

from collections.abc import Callable, Mapping, Sequence

__all__ = ["Suggest", "Suggestions"]

Suggest = Callable[[str], str]
"""The key of the fix to suggest for a rule's id; empty: none."""


class Suggestions:
    """The fixes that are right, best first, each with the rules that it answers."""

    def __init__(self, fixes: Sequence[str], answers: Mapping[str, Sequence[str]]) -> None:
        """`answers` has the rules of each fix; a fix without any answers none."""
        self._fixes = tuple(fixes)
        self._answers = answers

    def best(self, rule: str, fixes_on: frozenset[str]) -> str:
        """The best fix for the rule; empty if there is none, or if one is on already."""
        fitting = [fix for fix in self._fixes if rule in self._answers.get(fix, ())]
        if any(fix in fixes_on for fix in fitting):
            return ""
        return fitting[0] if fitting else ""
