"""The arguments and options that several commands take."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from loopviz.report.renderers import RENDERERS

__all__ = [
    "AppDirs",
    "Ascii",
    "ColourTheme",
    "Duration",
    "Fixes",
    "Format",
    "Fps",
    "JsonPath",
    "LoadBody",
    "LoadHeaders",
    "LoadWords",
    "PagePort",
    "Port",
    "Present",
    "PythonPath",
    "Rate",
    "Scenarios",
    "Seed",
    "TargetName",
    "ThemeName",
]


class ColourTheme(StrEnum):
    dark = "dark"
    light = "light"
    contrast = "contrast"


Fixes = Annotated[
    list[str] | None,
    typer.Option("--fix", metavar="KEY", envvar="LOOPVIZ_FIX", help="Turn it on (repeatable)."),
]
Rate = Annotated[
    float,
    typer.Option(
        metavar="FACTOR",
        min=0.05,
        max=100,
        envvar="LOOPVIZ_RATE",
        help="Factor on the scenario's load.",
    ),
]
Seed = Annotated[
    int, typer.Option(metavar="N", min=0, envvar="LOOPVIZ_SEED", help="Fixes the arrivals.")
]
Port = Annotated[
    int | None,
    typer.Option(
        metavar="PORT",
        min=0,
        max=65535,
        envvar="LOOPVIZ_PORT",
        help="The target's; 0: a free one. A scenario's is free, an app's what uvicorn takes.",
    ),
]
PagePort = Annotated[
    int,
    typer.Option(
        "--port",
        metavar="PORT",
        min=0,
        max=65535,
        envvar="LOOPVIZ_SERVE_PORT",
        help="The page's; 0: a free one.",
    ),
]
LoadWords = Annotated[
    list[str] | None,
    typer.Option(
        "--load",
        metavar='"GET /PATH @ RPS"',
        envvar="LOOPVIZ_LOAD",
        help='Requests to a program of your own (repeatable): a rate, or "GET /PATH clients=N"; '
        '"WS /PATH …", "SSE /PATH …"; openapi; FILE.toml; none.',
    ),
]
LoadHeaders = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar='"NAME: VALUE"',
        help="A header of all requests of --load (repeatable).",
    ),
]
LoadBody = Annotated[
    str | None,
    typer.Option(
        "--body",
        metavar="FILE",
        help="What POST, PUT, PATCH and WS of --load send; {n} is the arrival's number.",
    ),
]
PythonPath = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PATH",
        envvar="LOOPVIZ_PYTHON",
        help="The interpreter of your app (that of VIRTUAL_ENV, of .venv, or python3).",
    ),
]
TargetName = Annotated[
    str | None,
    typer.Argument(
        metavar="TARGET",
        help="A scenario's id, package.module:app, a file, a folder, or nothing before a --.",
        show_default=False,
    ),
]
AppDirs = Annotated[
    list[Path] | None,
    typer.Option(
        "--app-dir",
        metavar="DIR",
        help="A folder with a version of your app: the one before, then the one after.",
    ),
]
Duration = Annotated[
    float,
    typer.Option(
        metavar="S", min=0.5, max=3600, envvar="LOOPVIZ_DURATION", help="Seconds under load."
    ),
]
JsonPath = Annotated[
    str | None,
    typer.Option(
        "--json", metavar="PATH", envvar="LOOPVIZ_JSON", help="Write the report; - for stdout."
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        envvar="LOOPVIZ_FORMAT",
        help=f"What is printed: {' or '.join(RENDERERS)}.",
    ),
]
Scenarios = Annotated[
    list[Path] | None,
    typer.Option(
        "--scenarios",
        metavar="DIR",
        envvar="LOOPVIZ_SCENARIOS",
        help="A folder with more scenarios (repeatable).",
    ),
]
Ascii = Annotated[
    bool | None,
    typer.Option("--ascii/--no-ascii", envvar="LOOPVIZ_ASCII", help="Draw without block glyphs."),
]
Fps = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, max=60, envvar="LOOPVIZ_FPS", help="Frames per second at most (15)."
    ),
]
ThemeName = Annotated[
    ColourTheme | None,
    typer.Option("--theme", envvar="LOOPVIZ_THEME", help="Colours (as the terminal's ground)."),
]
Present = Annotated[
    bool | None,
    typer.Option(
        "--present/--no-present",
        envvar="LOOPVIZ_PRESENT",
        help="Strong colours, fewer figures, and the keys that are pressed.",
    ),
]
