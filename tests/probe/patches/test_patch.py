"""Attributes replaced and put back; modules watched for; and nothing imported by us."""

import inspect
import subprocess
import sys
from importlib.machinery import SourceFileLoader

import pytest

from loopviz.import_watch import ImportWatch
from loopviz.probe import patches
from loopviz.probe.patches.patch import Patch, apply, undo
from loopviz.probe.recorder import Recorder, fail_safe


class Base:
    async def inherited(self, value):
        return value

    @classmethod
    def made(cls):
        return cls


class Kind(Base):
    def own(self):
        return "own"


def adds_nothing(original):
    def stand_in(*args, **kwargs):
        return original(*args, **kwargs)

    return stand_in


def adds_nothing_async(original):
    async def stand_in(*args, **kwargs):
        return await original(*args, **kwargs)

    return stand_in


PATCHES = [
    Patch(Kind, "own", adds_nothing),
    Patch(Kind, "inherited", adds_nothing_async),
    Patch(Kind, "made", adds_nothing),
    Patch(Kind, "of another version", adds_nothing),
]


def test_in_and_out():
    before = dict(vars(Kind))
    applied = apply(PATCHES)
    assert {a.name for a in applied} == {"own", "inherited", "made"}
    assert Kind().own() == "own"
    assert Kind.made() is Kind
    assert inspect.iscoroutinefunction(Kind.inherited)
    coroutine = Kind().inherited(7)
    assert coroutine.cr_code.co_qualname == "Base.inherited"
    with pytest.raises(StopIteration):
        coroutine.send(None)
    undo(applied)
    assert dict(vars(Kind)) == before
    assert not applied


def test_what_somebody_else_put_there_since_stays(monkeypatch):
    monkeypatch.setattr(Kind, "own", Kind.own)
    applied = apply(PATCHES)
    theirs = adds_nothing(Kind.own)
    Kind.own = theirs
    undo(applied)
    assert Kind.own is theirs
    assert Kind().own() == "own"


def test_all_or_nothing():
    before = dict(vars(Kind))

    def breaks(original):
        raise ValueError("cannot patch that")

    with pytest.raises(ValueError, match="cannot patch that"):
        apply([*PATCHES, Patch(Kind, "own", breaks)])
    assert dict(vars(Kind)) == before


def test_a_module_is_found_when_it_has_been_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "loopviz_test_later.py").write_text("value = 7\n")
    (tmp_path / "loopviz_test_never.py").write_text("value = 8\n")
    finders, found = list(sys.meta_path), []
    names = ["loopviz_test_later", "loopviz_test_never", "json"]
    # two at once, as the probe's parts have
    watches = [ImportWatch(names, lambda m: found.append((m.__name__, vars(m).get("value"))))]
    watches.append(ImportWatch(["loopviz_test_later"], lambda m: found.append("the other's")))
    for watch in watches:
        watch.start()
    assert found == [("json", None)]
    import loopviz_test_later as later

    assert sorted(found[1:], key=str) == [("loopviz_test_later", 7), "the other's"]
    assert type(later.__spec__.loader) is SourceFileLoader
    assert "exec_module" not in vars(later.__spec__.loader)
    for watch in watches:
        watch.stop()
    assert sys.meta_path == finders
    import loopviz_test_never

    assert loopviz_test_never.value == 8
    assert len(found) == 3


LIBRARIES = """
import sys
from loopviz.probe.patches import watch, unwatch
watch()
roots = {"anyio", "httpx", "httpcore", "httpx2", "httpcore2", "sqlalchemy", "asyncpg"}
assert not roots & set(sys.modules), "the probe imported " + str(roots & set(sys.modules))
import httpcore, httpcore2, httpx, httpx2
import anyio._backends._asyncio as backend
import sqlalchemy.ext.asyncio
from sqlalchemy.pool.impl import QueuePool as pool
patched = [httpcore.AsyncConnectionPool.__init__, httpx.AsyncClient.send,
           httpcore2.AsyncConnectionPool.__init__, httpx2.AsyncClient.send,
           backend.CapacityLimiter.release_on_behalf_of, pool._do_get]
assert all("loopviz" in f.__code__.co_filename for f in patched), patched
unwatch()
assert not any("loopviz" in f.__code__.co_filename for f in
               [httpcore.AsyncConnectionPool.__init__, httpx.AsyncClient.send,
                httpcore2.AsyncConnectionPool.__init__, httpx2.AsyncClient.send,
                backend.CapacityLimiter.release_on_behalf_of, pool._do_get])
"""


@pytest.mark.real
def test_libraries_are_patched_when_the_app_imports_them():
    subprocess.run([sys.executable, "-c", LIBRARIES], check=True, timeout=60)


def test_what_a_patch_raises_fails_its_hook_and_not_the_app():
    failed = []
    recorder = Recorder(*(None,) * 5, fail=lambda hook, error: failed.append((hook, str(error))))
    with fail_safe("job", recorder):
        raise ValueError("no")
    with fail_safe("job"):  # nothing is recorded here
        raise ValueError("no")
    assert failed == [("job", "no")]
    assert recorder.job(None, None) == 0, "it does nothing any more"
    with pytest.raises(KeyboardInterrupt), fail_safe("job", recorder):
        raise KeyboardInterrupt


def test_a_library_is_a_file_with_an_adapter(tmp_path, monkeypatch):
    (tmp_path / "some_library.py").write_text("ADAPTER = 'patches of a library'")
    (tmp_path / "some_helper.py").write_text("")
    monkeypatch.setattr(patches, "__path__", [str(tmp_path)])
    for name in ("some_library", "some_helper"):
        monkeypatch.delitem(sys.modules, f"{patches.__name__}.{name}", raising=False)
    assert patches._adapters() == ["patches of a library"]
    assert {"anyio.streams.memory", "asyncpg.pool", "httpx._client"} <= set(patches._MODULES)
