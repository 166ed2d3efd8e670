"""Datasette over a SQLite file: tables with facets, rows and SQL, as pages and as JSON."""

import random
import sqlite3
import tempfile
from pathlib import Path

from datasette.app import Datasette
from fastapi import APIRouter

from loopviz.scenario import Load, Scenario

STATIONS, READINGS = 40, 5_000
CITIES = ("Aachen", "Bergen", "Cork", "Delft", "Évora", "Faro", "Graz", "Hamar")


def make(file: Path) -> Path:
    """A database of weather stations and their readings."""
    dice = random.Random(1)
    with sqlite3.connect(file) as db:
        db.execute("create table stations (id integer primary key, name text, city text)")
        db.execute(
            "create table readings (id integer primary key,"
            " station integer references stations(id), day text, kelvin real, sky text)"
        )
        db.executemany(
            "insert into stations values (?, ?, ?)",
            [(n, f"station {n}", CITIES[n % len(CITIES)]) for n in range(STATIONS)],
        )
        db.executemany(
            "insert into readings values (?, ?, ?, ?, ?)",
            [
                (
                    n,
                    n % STATIONS,
                    f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}",
                    round(dice.gauss(285, 8), 1),
                    dice.choice(("clear", "cloudy", "rain")),
                )
                for n in range(READINGS)
            ],
        )
        db.execute("create virtual table readings_fts using fts5 (sky, day, content=readings)")
        db.execute("insert into readings_fts (rowid, sky, day) select id, sky, day from readings")
    db.close()
    return file


folder = tempfile.TemporaryDirectory(prefix="loopviz-datasette-")
datasette = Datasette([str(make(Path(folder.name, "weather.db")))]).app()

scenario = Scenario(
    title="datasette",
    lesson="Tables of a database as pages and as JSON.",
    look=("Is every finding true?",),
    router=APIRouter(),
    middleware=[lambda _: datasette],
    load=[
        Load("GET /", rps=1),
        Load("GET /weather", rps=1),
        Load("GET /weather/readings", rps=1),
        Load("GET /weather/readings.json?_shape=array&_size=500", rps=1),
        Load("GET /weather/readings/{n}", rps=2),
        Load("GET /weather/stations?_facet=city", rps=1),
        Load("GET /weather.json?sql=select+sky,avg(kelvin)+from+readings+group+by+sky", rps=2),
    ],
)
