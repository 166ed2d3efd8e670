"""What TARGET means: a scenario, an app, a file, a folder, or a command behind --."""

import pytest

from loopviz.errors import UsageError
from loopviz.options import RunOptions
from loopviz.program.target import TargetWords, resolve

APP = "from fastapi import FastAPI\napp = FastAPI()\n"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A project with a package, a single file, a script, and an interpreter of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    files = {
        "shop/__init__.py": "",
        "shop/main.py": APP,
        "one.py": "import fastapi\napi: object = fastapi.FastAPI()\n",
        "script.py": "import asyncio\nasyncio.run(asyncio.sleep(1))\n",
        "site/app/main.py": APP,
        "none/readme.txt": "",
        ".venv/bin/python": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def words(target, *rest, **given):
    return TargetWords(target=target, rest=rest, **given)


def command(target, *rest, **given):
    return list(resolve(words(target, *rest, **given), RunOptions()).command)


def test_the_id_of_a_scenario_is_that_scenario():
    assert resolve(words("block"), RunOptions()) == "block"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("shop.main:app", "shop.main:app"),
        ("shop.main:make()", "--factory shop.main:make"),
        ("shop/main.py:app", "--app-dir {project} shop.main:app"),
        ("shop/main.py", "--app-dir {project} shop.main:app"),
        ("shop", "--app-dir {project} shop.main:app"),
        ("site", "--app-dir {project}/site/app main:app"),
        ("one.py", "--app-dir {project} one:api"),
    ],
)
def test_an_app_is_served_by_the_uvicorn_of_its_own_environment(project, target, said):
    python = f"{project}/.venv/bin/python -m uvicorn"
    assert command(target) == [*python.split(), *said.format(project=project).split()]


def test_words_that_are_not_loopviz_s_are_uvicorn_s():
    made = command("shop.main:app", "--reload", port=0, command=("--ws", "none"))
    assert made[3:] == ["--port", "0", "shop.main:app", "--reload", "--ws", "none"]


def test_a_file_without_an_app_is_a_script(project):
    assert command("script.py", "-v") == [f"{project}/.venv/bin/python", "script.py", "-v"]


def test_a_command_stays_as_it_is():
    program = resolve(words(None, command=("/opt/bin/python", "-m", "shop")), RunOptions())
    assert program.command == ("/opt/bin/python", "-m", "shop")
    assert program.id == "python -m shop"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (words("nope"), r"no scenario 'nope'; there are: block, .*package\.module:app.* after --"),
        (words("gone.py"), r"no file gone\.py"),
        (words("gone.py:app"), r"no file gone\.py: name the one with the app app"),
        (words("none"), r"none has no main\.py, app\.py"),
        (words("script.py", port=1), r"script\.py makes no app .* --port"),
        (words("block", "--reload"), r"scenario block takes no '--reload'"),
        (words("block", load=("GET / @ 1",)), r"--load is for programs of your own"),
        (words("shop.main:app", python="/no/python"), r"--python /no/python cannot be run"),
        (words(None, command=()), r"No command follows the --"),
        (words(None, command=("x",), port=1), r"--port stands before a --"),
    ],
)
def test_what_is_wrong_is_one_sentence(given, sentence):
    with pytest.raises(UsageError, match=sentence):
        resolve(given, RunOptions())


def test_a_program_has_no_fixes():
    with pytest.raises(UsageError, match=r"--fix is for scenarios: shop\.main:app is a program"):
        resolve(words("shop.main:app"), RunOptions(fixes=("a",)))


def test_the_environment_that_is_active_comes_before_the_project_s(project, monkeypatch):
    active = project / "active" / "bin" / "python"
    active.parent.mkdir(parents=True)
    active.write_text("")
    monkeypatch.setenv("VIRTUAL_ENV", str(active.parents[1]))
    assert command("shop.main:app")[0] == str(active)
