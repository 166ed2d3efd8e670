"""Datasette over a SQLite file, in its own pages and as JSON."""

import sqlite3
import tempfile
from pathlib import Path

import _log  # noqa: F401
from datasette.app import Datasette

folder = tempfile.TemporaryDirectory(prefix="loopviz-datasette-")
file = Path(folder.name, "weather.db")
with sqlite3.connect(file) as db:
    db.execute("create table stations (id integer primary key, name text, city text)")
    rows = [(n, f"station {n}", "ABCDEFGH"[n % 8]) for n in range(400)]
    db.executemany("insert into stations values (?, ?, ?)", rows)
db.close()
app = Datasette([str(file)], secret="not a secret").app()
