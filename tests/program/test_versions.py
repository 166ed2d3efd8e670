"""Two versions of an app, and an app in a browser's tabs: the words of the runs."""

from loopviz.cli.serve import _words
from loopviz.options import RunOptions
from loopviz.program.target import TargetWords, resolve
from loopviz.program.versions import versions

OPTIONS = RunOptions()


def words(target="shop.main:app", **given):
    return TargetWords(target=target, python="/usr/bin/python3", **given)


def test_each_version_runs_from_its_folder_on_a_free_port(tmp_path):
    folders = [tmp_path / name for name in ("old", "new")]
    for folder in folders:
        folder.mkdir()
    pair = versions(words(load=("GET / @ 5",), rest=("--lifespan", "on")), folders, OPTIONS)
    for program, folder in zip(pair, folders, strict=True):
        assert (program.id, len(program.load)) == ("shop.main:app", 1)
        assert program.command[1:] == (
            *("-m", "uvicorn", "--port", "0", "shop.main:app"),
            *("--app-dir", str(folder), "--lifespan", "on"),
        )


def test_a_tab_runs_an_app_on_a_free_port():
    given = words(load=("GET / @ 5",), headers=("a: b",), rest=("--lifespan", "on"))
    assert _words(given, resolve(given, OPTIONS)) == [
        *("--load=GET / @ 5", "--header=a: b", "--python=/usr/bin/python3", "--port=0"),
        *("shop.main:app", "--lifespan", "on"),
    ]


def test_a_tab_runs_a_command_as_it_is():
    given = TargetWords(target=None, command=("python", "x.py"))
    assert _words(given, resolve(given, OPTIONS)) == ["--", "python", "x.py"]


def test_a_tab_runs_a_lesson():
    given = TargetWords(target="block")
    assert _words(given, "block") == ["block"]
