"""Which files are scenarios: the built-in ones, and those of one's own folders."""

import os

import pytest

from loopviz.errors import UsageError
from loopviz.lab.catalogue import (
    builtin_folder,
    catalogue,
    find,
    read,
)
from loopviz.tui.source import lesson_of
from tests.lab.catalogue.sources import BUILTIN, GOOD


def test_the_order_is_the_lessons():
    listed = (builtin_folder() / "order.txt").read_text().split()
    files = {path.stem for path in builtin_folder().glob("[!_]*.py")}
    assert [entry.id for entry in BUILTIN] == listed
    assert set(listed) == files


def test_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.py").mkdir()
    errors = [entry.error for entry in catalogue([tmp_path])[len(BUILTIN) :]]
    assert errors == [
        f"{name} cannot be read ({why}): {tmp_path / name} should be a Python file."
        for name, why in (
            ("folder.py", "Is a directory"),
            ("gone.py", "No such file or directory"),
        )
    ]


@pytest.mark.timeout(20)
def test_what_is_no_regular_file_is_not_read(tmp_path):
    """A pipe that nobody writes to, a device without an end, a file without a measure."""
    os.mkfifo(tmp_path / "a_pipe.py")
    (tmp_path / "b_zero.py").symlink_to("/dev/zero")
    with (tmp_path / "c_large.py").open("wb") as file:
        file.truncate(1 << 31)
    (tmp_path / "d_good.py").write_text(GOOD)
    (tmp_path / "order.txt").symlink_to("/dev/zero")
    entries = catalogue([tmp_path])[len(BUILTIN) :]
    assert [entry.error for entry in entries] == [
        f"{name} cannot be read ({why}): {tmp_path / name} should be a Python file."
        for name, why in (
            ("a_pipe.py", "not a regular file"),
            ("b_zero.py", "not a regular file"),
            ("c_large.py", "larger than 1 MiB"),
        )
    ] + [""]
    assert [lesson_of(entry).prose for entry in entries] == ["", "", "", "A lesson."]


def test_a_file_of_the_largest_size_is_read(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD.ljust(1 << 20, "#"))
    assert read(path).error == ""
    (tmp_path / "mine.py").write_text(GOOD.ljust((1 << 20) + 1, "#"))
    assert "larger than 1 MiB" in read(path).error


def test_a_folder_of_one_s_own(write, tmp_path):
    write(GOOD, "zebra")
    write(GOOD, "apple")
    write(GOOD, "_hidden")
    (tmp_path / "readme.txt").write_text("no scenario")
    own = [entry.id for entry in catalogue([tmp_path])][len(BUILTIN) :]
    assert own == ["apple", "zebra"]
    (tmp_path / "order.txt").write_text("zebra\n")
    own = [entry.id for entry in catalogue([tmp_path])][len(BUILTIN) :]
    assert own == ["zebra", "apple"]


def test_one_s_own_of_the_same_name_replaces_ours(write, tmp_path):
    write(GOOD, "block")
    entry = find("block", [tmp_path])
    assert entry.title == "a title"
    assert entry.shadows == builtin_folder() / "block.py"
    assert entry.origin == f"yours, from {tmp_path}; hides the built-in one"
    assert entry in catalogue([tmp_path])
    assert len(catalogue([tmp_path])) == len(BUILTIN)
    assert {entry.origin for entry in BUILTIN} == {""}


def test_a_later_folder_s_file_hides_an_earlier_one_s(write, tmp_path):
    hidden = write(GOOD)
    later = tmp_path / "later"
    later.mkdir()
    (later / "mine.py").write_text(GOOD)
    entry = find("mine", [tmp_path, later])
    assert (entry.path, entry.shadows) == (later / "mine.py", hidden)
    assert entry.origin == f"yours, from {later}; hides {hidden}"
    assert find("mine", [tmp_path]).origin == f"yours, from {tmp_path}"


def test_a_folder_that_is_not_there(tmp_path):
    assert catalogue([tmp_path / "nowhere"]) == BUILTIN


def test_an_unknown_scenario_names_those_there_are():
    with pytest.raises(UsageError) as caught:
        find("blokc")
    ids = ", ".join(entry.id for entry in BUILTIN)
    assert str(caught.value) == f"There is no scenario 'blokc'; there are: {ids}."
    assert caught.value.exit_code == 2
