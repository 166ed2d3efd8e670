"""What an installation gets: the native core, or the Python one and the reason."""

import importlib.util
import sysconfig
from pathlib import Path
from subprocess import CalledProcessError

import pytest

CHECKOUT = Path(__file__).parents[1]
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
pytest.importorskip("hatchling")


class App:
    def __init__(self):
        self.warnings = []

    def display_warning(self, text):
        self.warnings.append(text)


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build with a compiler that makes one module, or raises; what the wheel's data are."""
    spec = importlib.util.spec_from_file_location("hatch_build", CHECKOUT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path / "checkout" / module.FOLDER
    folder.mkdir(parents=True)
    (folder / "loop.pyx").write_text("source")
    monkeypatch.delenv("LOOPVIZ_PURE", raising=False)

    def run(version="standard", error=None):
        def compile_all(root, scratch):
            if error is not None:
                raise error
            (scratch / f"loop{SUFFIX}").write_text("compiled")
            return [scratch / f"loop{SUFFIX}"]

        monkeypatch.setattr(module, "compile_all", compile_all)
        app, data = App(), {"force_include": {}}
        hook = module.NativeCore(str(tmp_path / "checkout"), {}, None, None, "", "wheel", app)
        hook.initialize(version, data)
        inside = {
            Path(to).name: Path(path).read_text() for path, to in data["force_include"].items()
        }
        hook.finalize(version, data, "")
        assert not hook._scratch.exists()
        return data, inside, app.warnings, folder

    run.digest = module.digest
    return run


def test_with_a_compiler_the_wheel_has_the_native_core_and_its_sources_digest(build):
    data, inside, warnings, folder = build()
    assert (data["pure_python"], data["infer_tag"], warnings) == (False, True, [])
    assert inside == {f"loop{SUFFIX}": "compiled", "built_from.txt": build.digest(folder) + "\n"}
    assert [path.name for path in folder.iterdir()] == ["loop.pyx"]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (FileNotFoundError(2, "No such file", "gcc"), "there is no gcc"),
        (CalledProcessError(1, ["/bin/false", "-c", "loop.c"]), "/bin/false failed with status 1"),
        (SystemExit("command\n  'gcc' failed."), "command 'gcc' failed"),
        (ValueError(), "ValueError"),
    ],
)
def test_without_one_it_is_pure_and_says_why_in_a_sentence(build, error, why):
    data, inside, warnings, _ = build(error=error)
    assert "pure_python" not in data
    assert inside == {"not_built.txt": f"{why}\n"}
    assert warnings == [f"loopviz gets its Python core: {why}"]


def test_without_pythons_headers_it_says_so(build, monkeypatch, tmp_path):
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    _, inside, _, _ = build(error=CalledProcessError(1, ["gcc"]))
    assert inside["not_built.txt"].startswith("Python's headers are not installed: there is no ")


def test_a_pure_one_can_be_asked_for(build, monkeypatch):
    monkeypatch.setenv("LOOPVIZ_PURE", "1")
    data, inside, warnings, _ = build()
    assert ("pure_python" in data, warnings) == (False, [])
    assert inside == {"not_built.txt": "LOOPVIZ_PURE=1 was set when it was installed\n"}


def test_an_interrupt_ends_the_build(build):
    with pytest.raises(KeyboardInterrupt):
        build(error=KeyboardInterrupt())


def test_an_editable_one_has_it_beside_the_sources_for_this_interpreter(build):
    _, _, _, folder = build("editable", OSError("no gcc"))
    assert (folder / "not_built.txt").read_text() == "no gcc\n"
    (folder / f"old{SUFFIX}").touch()
    (folder / "loop.of-another.so").touch()
    data, inside, _, _ = build("editable")
    assert (inside, data["force_include"]) == ({}, {})
    assert {path.name for path in folder.iterdir()} == {
        *("loop.pyx", f"loop{SUFFIX}", "loop.of-another.so", "built_from.txt")
    }
