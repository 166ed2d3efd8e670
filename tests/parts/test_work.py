"""Work that takes as long on a slow machine as on a fast one."""

import pytest

from loopviz.parts import work
from loopviz.parts.work import fastest_s, rounds_for


class Machine:
    """A machine on which a round of `crunch` takes so many ns, and some looks come late."""

    def __init__(self, monkeypatch, round_ns):
        self.now_s, self.round_ns, self.looks = 0.0, round_ns, 0
        monkeypatch.setattr(work, "crunch", self.crunch)
        monkeypatch.setattr(work.time, "sleep", lambda _s: None)
        monkeypatch.setattr(work.time, "perf_counter", lambda: self.now_s)

    def crunch(self, rounds):
        self.looks += 1
        stolen_s = 0.02 if self.looks % 3 else 0
        self.now_s += rounds * self.round_ns / 1e9 + stolen_s


@pytest.mark.parametrize("round_ns", [20, 50, 100, 400])
def test_the_rounds_take_that_long_however_fast_the_machine_is(monkeypatch, round_ns):
    machine = Machine(monkeypatch, round_ns)
    assert rounds_for(ms=40) * machine.round_ns == pytest.approx(40e6, rel=1e-3)


def test_the_fastest_of_many_counts(monkeypatch):
    machine = Machine(monkeypatch, 100)
    assert fastest_s(lambda: machine.crunch(1000)) == pytest.approx(1e-4)
