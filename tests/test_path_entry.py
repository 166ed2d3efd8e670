"""What a program that loopviz starts finds on its path: as good as nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import loopviz
from loopviz.engine.connection import Endpoint
from loopviz.engine.program_run import environment
from loopviz.wire.control import LoopStarted
from loopviz.wire.events import Kind
from tests.support.recording import Recording

TELL = """
import json, sys
before = sorted(name for name in sys.modules if name.partition(".")[0] in ("asyncio", "loopviz"))
import loopviz
try:
    import textual
except ImportError as error:
    textual = None
print(json.dumps({
    "path": sys.path,
    "before": before,
    "loopviz": loopviz.__file__,
    "textual": textual is not None,
    "shadowed": getattr(sys, "shadowed", None),
    "name": getattr(sys.modules["sitecustomize"], "__file__", ""),
}))
"""


def told(tmp_path, *, shadowed=""):
    """What an interpreter without this one's packages says of itself."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    if shadowed:
        (theirs / "sitecustomize.py").write_text(shadowed)
    variables = environment({"PYTHONPATH": str(theirs)}, tmp_path / "control")
    python = Path(sys.base_prefix, "bin", f"python3.{sys.version_info[1]}")
    ran = subprocess.run(
        [python, "-c", TELL], env=variables, capture_output=True, text=True, timeout=30, check=True
    )
    assert ran.stderr == ""
    return json.loads(ran.stdout), str(theirs)


LOOPS = """
import asyncio
for _ in range(5):
    asyncio.run(asyncio.sleep(0))
asyncio.run(asyncio.sleep(0.2))
loop = asyncio.new_event_loop()
loop.run_until_complete(asyncio.sleep(0))
loop.run_until_complete(asyncio.sleep(0))
loop.close()
"""


def test_loops_one_after_another_are_recorded_in_one_folder(tmp_path):
    endpoint = Endpoint(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", LOOPS],
        env=environment(os.environ, endpoint.path),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ran.stderr == ""
    (connection,) = endpoint.accept()
    endpoint.close()
    (started,) = connection.read()
    connection.reap(0)
    assert isinstance(started, LoopStarted)
    assert started.folder.name == f"{started.pid}-1"
    assert not started.forked
    assert len(Recording(started.folder).of(Kind.LOOP_CLOSED)) == 7


FORKS = """
import os
child = os.fork()
if not child:
    import asyncio
    asyncio.run(asyncio.sleep(0))
    raise SystemExit
raise SystemExit(os.waitpid(child, 0)[1])
"""


def test_a_process_that_was_forked_says_so_though_its_parent_has_no_asyncio(tmp_path):
    endpoint = Endpoint(tmp_path)
    variables = environment(os.environ, endpoint.path)
    subprocess.run([sys.executable, "-c", FORKS], env=variables, timeout=30, check=True)
    (connection,) = endpoint.accept()
    endpoint.close()
    (started,) = connection.read()
    connection.reap(0)
    assert started.forked


def test_the_program_finds_loopviz_alone_and_runs_what_was_shadowed(tmp_path):
    seen, theirs = told(tmp_path, shadowed="import sys\nsys.shadowed = __file__\n")
    assert seen["loopviz"] == loopviz.__file__
    assert not seen["textual"]
    assert seen["path"][:2] == ["", theirs]  # no folder of ours is left
    assert seen["before"] == ["loopviz", "loopviz.import_watch"]  # asyncio is not imported by us
    assert seen["shadowed"] == seen["name"] == f"{theirs}/sitecustomize.py"


def test_where_nothing_is_shadowed_ours_is_the_one(tmp_path):
    seen, theirs = told(tmp_path)
    assert seen["path"][:2] == ["", theirs]
    assert seen["shadowed"] is None


def test_what_each_process_imports_has_nothing_slow_that_it_does_not_need():
    """Workers that a server starts wait for it, one process after another."""
    source = str(Path(loopviz.__file__).parents[1])
    slow = ("importlib.resources", "multiprocessing")
    tell = (
        f"import sys; sys.path.insert(0, {source!r}); import loopviz.probe.startup; "
        f"print([name for name in {slow} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", tell], capture_output=True, check=True)
    assert ran.stdout.decode().strip() == "[]"
