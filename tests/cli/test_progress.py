"""The tour's progress file: kept, found again, never overwritten unread."""

import json

import pytest

from loopviz.cli.progress import ProgressFile, progress_path
from loopviz.errors import UsageError
from loopviz.tui.state.tour import COMPARE, FIX, GUESS, WATCH, Tour

LESSONS = ("one", "two", "three")


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return progress_path()


def test_it_is_in_the_users_data_folder(path, tmp_path):
    assert path == tmp_path / "loopviz" / "tour.json"


def test_what_is_kept_is_found_again(path):
    begun = ProgressFile(path).tour(LESSONS, again=False)
    assert begun == Tour(LESSONS, "one")
    assert ProgressFile(path).keep(begun.finished().at("two", GUESS)) == ""
    found = ProgressFile(path).tour(LESSONS, again=False)
    assert (found.lesson, found.step, found.done) == ("two", GUESS, {"one"})
    assert [file.name for file in path.parent.iterdir()] == ["tour.json"]


def test_two_at_once_lose_nothing(path):
    one, other = ProgressFile(path), ProgressFile(path)
    first, second = (file.tour(LESSONS, again=False) for file in (one, other))
    one.keep(first.finished())
    other.keep(Tour(LESSONS, second.lesson, FIX, frozenset({"three"})))
    found = ProgressFile(path).tour(LESSONS, again=False)
    assert (found.step, found.done) == (FIX, {"one", "three"})


def test_again_is_from_the_beginning(path):
    ProgressFile(path).keep(Tour(LESSONS, "two", COMPARE, frozenset({"one"})))
    file = ProgressFile(path)
    begun = file.tour(LESSONS, again=True)
    assert begun == Tour(LESSONS, "one", WATCH)
    file.keep(begun)
    assert ProgressFile(path).tour(LESSONS, again=False).done == set()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is not JSON"),
        ("[]", 'it has no "format": 1'),
        ('{"format": 2}', 'it has no "format": 1'),
        ('{"format": 1, "done": "one"}', "it holds other values than names"),
        ('{"format": 1, "lesson": 3}', "it holds other values than names"),
        ('{"format": 1, "done": [{}]}', "it holds other values than names"),
        ("[" * 100_000, "it is not JSON"),
    ],
)
def test_a_file_that_is_not_understood_stays_as_it_is(path, text, why):
    path.parent.mkdir()
    path.write_text(text)
    file = ProgressFile(path)
    with pytest.raises(UsageError) as raised:
        file.tour(LESSONS, again=False)
    assert str(raised.value) == (
        f"The progress of the tour in {path} cannot be read ({why}): "
        "`loopviz tour --restart` begins again and replaces it."
    )
    assert file.keep(Tour(LESSONS, "two")) == str(raised.value)
    assert path.read_text() == text
    file.keep(file.tour(LESSONS, again=True))
    assert json.loads(path.read_text())["lesson"] == "one"


def test_a_folder_that_cannot_be_written_to_is_said_once(path):
    path.parent.parent.joinpath("loopviz").write_text("a file where the folder ought to be")
    file = ProgressFile(path)
    assert not file.is_first_start()
    said = file.keep(Tour(LESSONS, "two"))
    assert said.startswith("Your progress cannot be kept: ") or "cannot be read" in said
    assert said.count(". ") <= 1
    assert file.keep(Tour(LESSONS, "three")) == ""


def test_the_first_start_is_the_first_once(path):
    assert ProgressFile(path).is_first_start()
    assert not ProgressFile(path).is_first_start()
    assert ProgressFile(path).tour(LESSONS, again=False) == Tour(LESSONS, "one")
