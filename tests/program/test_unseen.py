"""Programs into which the probe cannot get say why."""

import pytest

from loopviz.program import unseen
from loopviz.program.unseen import why_unseen

SESSION = 700


@pytest.fixture
def processes(tmp_path, monkeypatch):
    """A function: the session has a process of that command and environment."""
    monkeypatch.setattr(unseen, "PROC", tmp_path)
    (tmp_path / "uptime").touch()

    def add(pid, *words, exe="python3.11", **environment):
        place = tmp_path / str(pid)
        place.mkdir()
        (place / "stat").write_text(f"{pid} (a (b) c) S 1 {SESSION} {SESSION} 0")
        (place / "cmdline").write_bytes(b"".join(f"{word}\0".encode() for word in words))
        lines = [f"{name}={value}\0" for name, value in environment.items()]
        (place / "environ").write_text("".join(lines))
        (place / "exe").symlink_to(f"/usr/bin/{exe}")

    return add


def why(tmp_path):
    return why_unseen(SESSION, tmp_path / "control")


@pytest.mark.parametrize("option", ["-I", "-E", "-S", "-uE"])
def test_an_option_of_the_interpreter(processes, tmp_path, option):
    processes(700, "python", "-X", "dev", option, "app.py", LOOPVIZ_CONTROL=tmp_path / "control")
    letter = option[-1]
    assert why(tmp_path).startswith(f"python -{letter} ignores ")
    assert f"leave out -{letter}" in why(tmp_path)


@pytest.mark.parametrize("words", [("app.py", "-I"), ("-m", "app", "-E"), ("-c", "pass", "-I")])
def test_options_of_the_program_are_its_own(processes, tmp_path, words):
    processes(700, "python", *words, LOOPVIZ_CONTROL=tmp_path / "control")
    assert why(tmp_path) == ""


def test_a_daemon_is_known_by_its_environment(processes, tmp_path):
    processes(700, "python", "daemon.py", LOOPVIZ_CONTROL=tmp_path / "control")
    assert unseen.lives_on(tmp_path / "control")
    assert not unseen.lives_on(tmp_path / "another")


def test_an_environment_that_was_lost(processes, tmp_path):
    processes(700, "env", "-i", "python", "app.py", exe="env", HOME="/")
    assert why(tmp_path) == "It runs no Python interpreter, only env."
    processes(701, "python", "app.py", HOME="/")
    assert "was started without the variables" in why(tmp_path)
    processes(702, "python", "worker.py", LOOPVIZ_CONTROL=tmp_path / "control")
    assert why(tmp_path) == ""  # there it gets in
