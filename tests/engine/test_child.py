"""What a child process leaves when it cannot start."""

from pathlib import Path

import pytest

from loopviz.engine.child import Child
from loopviz.errors import MachineError


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
@pytest.mark.parametrize("what", ["no folder for its log", "no process"])
def test_a_child_that_cannot_start_is_one_sentence_and_leaves_no_file_open(
    tmp_path, monkeypatch, what
):
    folder, why = tmp_path, r"Exec format error"
    if what == "no process":
        (tmp_path / "python").write_text("no program")
        (tmp_path / "python").chmod(0o700)
        monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    else:
        folder, why = tmp_path / "none", "No such file or directory"
    before = len(list(Path("/proc/self/fd").iterdir()))
    sentence = rf"^loopviz cannot start its load process with a log in {folder} \({why}\): point .*"
    with pytest.raises(MachineError, match=sentence):
        Child("loopviz.lab.load", folder, None)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
