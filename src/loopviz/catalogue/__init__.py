"""The scenario catalogue: finds scenario files, reads them, and says what is wrong with them."""

from loopviz.catalogue.entries import (
    FIRST,
    CounterInfo,
    FixInfo,
    LoadInfo,
    ScenarioInfo,
    builtin_folder,
    catalogue,
    describe,
    find,
    load_scenario,
    read,
)

__all__ = [
    "FIRST",
    "CounterInfo",
    "FixInfo",
    "LoadInfo",
    "ScenarioInfo",
    "builtin_folder",
    "catalogue",
    "describe",
    "find",
    "load_scenario",
    "read",
]
