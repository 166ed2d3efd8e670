"""What `loopviz doctor` says of this machine, and of others."""

import os

import pytest

from loopviz.cli import doctor
from loopviz.probe import core


@pytest.fixture
def said(loopviz):
    def run():
        told = loopviz("doctor")
        assert (told.code, told.err) == (0, "")
        lines = [line for line in told.out.splitlines() if line]
        return {line[2:].split()[0]: line for line in lines}

    return run


def test_each_check_has_one_line(said):
    told = said()
    assert list(told) == [
        *("loopviz", "core", "cost", "tripwire", "machine", "attach", "room", "terminal"),
        *doctor.EXTRAS,
    ]
    assert told["terminal"].endswith("this output goes to none")


@pytest.mark.parametrize(
    ("native", "why", "does"),
    [
        (True, "", ""),
        (False, "it was not built: there is no gcc", "install loopviz where there is a C compiler"),
        (False, "LOOPVIZ_PURE=1 is set", "run it without that"),
        (False, "its sources have changed since it was built", "install loopviz again"),
        (False, "it was not built: LOOPVIZ_PURE=1 was set when it was installed", "install"),
        (False, "this interpreter runs without a GIL, and it would turn that on", ""),
    ],
)
def test_it_names_the_core_and_why_and_what_to_do(said, monkeypatch, native, why, does):
    monkeypatch.setattr(core, "NATIVE", native)
    monkeypatch.setattr(core, "WHY_NOT", why)
    line = said()["core"]
    known = "  core      native: " if native else f"! core      Python, since {why}. It sees"
    assert line.startswith(known)
    _, _, advice = line.partition(". For the native one, ")
    assert advice.startswith(does)
    assert bool(advice) == bool(does)


@pytest.mark.parametrize(
    ("scope", "user", "well"), [("0", 1, True), ("1", 0, True), ("1", 1, False)]
)
def test_yamas_scope_matters_to_all_but_root(monkeypatch, tmp_path, scope, user, well):
    monkeypatch.setattr(doctor, "YAMA", tmp_path / "ptrace_scope")
    doctor.YAMA.write_text(f"{scope}\n")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    check = {each.name: each for each in doctor.checks()}["attach"]
    assert check.well is well
    assert ("sysctl kernel.yama.ptrace_scope=0" in check.says) is not well


def test_what_hinders_the_tripwire_is_told(monkeypatch, said):
    def refuse(*_):
        raise OSError("there is no GIL")

    monkeypatch.setattr(doctor, "Tripwire", refuse)
    assert said()["tripwire"].startswith("! tripwire  ")
    assert said()["tripwire"].endswith("there is no GIL")


def test_a_kernel_that_does_not_tell_waits(monkeypatch, said):
    monkeypatch.setattr(doctor.KernelThread, "core_waits", lambda _: None)
    assert said()["machine"].startswith("! machine ")
