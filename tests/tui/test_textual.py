"""What loopviz relies on in Textual beyond its public interface; this version has all of it."""

import ast
import asyncio
import importlib
import inspect
import io
import pkgutil
import textwrap
from functools import cache
from pathlib import Path

import pytest
from textual._context import visible_screen_stack
from textual.app import App
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget

import loopviz.tui
from loopviz.tui import _textual
from tests.tui.stage import Stage, drive

RELIED_ON = {
    "App._background_screens": lambda app: app,
    "App._display": lambda app: app,
    "App._driver": lambda app: app,
    "App._exit": lambda app: app,
    "App._handle_exception": lambda app: app,
    "LinuxDriver._writer_thread": LinuxDriver,
    "Screen._compositor": lambda app: app.screen,
    "WriterThread._queue": lambda app: WriterThread(io.StringIO()),
}
"""By private name, what has it: made of a running app."""

LOST = "{} is gone in this version of Textual: see loopviz/tui/_textual.py, which relies on it"


@pytest.mark.parametrize("name", RELIED_ON)
def test_textual_has(name):
    async def play(stage: Stage) -> None:
        assert hasattr(RELIED_ON[name](stage.app), name.partition(".")[2]), LOST.format(name)

    drive(play)


def test_the_rows_of_a_screen_can_be_had():
    assert hasattr(visible_screen_stack, "set"), LOST.format("visible_screen_stack")


def test_every_private_name_is_in_the_table():
    tree = ast.parse(Path(_textual.__file__).read_text("utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    used |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    private = {name for name in used if isinstance(name, str) and name[:1] == "_" != name[1:2]}
    assert private == {name.partition(".")[2] for name in RELIED_ON}


def test_calls_at_an_interval_end_with_the_app_and_their_error_is_the_apps():
    calls = []

    class Calling(_textual.ErrorApp):
        def on_mount(self):
            self.call_every(0.001, self.count)

        def count(self):
            calls.append(len(calls))
            if len(calls) == 3:
                self.exit()
                raise ValueError("the third")

    async def run():
        async with Calling().run_test() as pilot:
            while len(calls) < 3:
                await pilot.pause()
            await asyncio.sleep(0.01)

    with pytest.raises(ValueError, match="the third"):
        asyncio.run(run())
    assert calls == [0, 1, 2]


def test_textuals_names_are_not_ours():
    """An attribute of ours that Textual has, too, would change what Textual does."""
    ours = [
        (cls, base)
        for module in pkgutil.walk_packages(loopviz.tui.__path__, "loopviz.tui.")
        for cls in vars(importlib.import_module(module.name)).values()
        if inspect.isclass(cls) and issubclass(cls, MessagePump) and cls.__module__ == module.name
        for base in cls.__mro__[1:]
        if base.__module__.startswith("textual")
    ]
    assert {base for _, base in ours} >= {App, Screen, Widget}
    taken = {
        f"{cls.__name__}.{name} is one of Textual's {base.__name__}"
        for cls, base in ours
        for name in (names_of(cls) & names_of(base)) - {"_display", "_handle_exception"}
        if name.startswith("_") and not name.startswith("__")
    }
    assert not taken


@cache
def names_of(cls: type) -> set[str]:
    """Methods of the class, and attributes that it sets on its instances."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    methods = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return methods | {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name)
        if node.value.id == "self"
    }
