"""What a program writes is taken at once, kept in bounds, and shown without escape sequences."""

import os

from loopviz.engine import process
from loopviz.engine.process import Output


def written(file, *parts):
    reading, writing = os.pipe()
    output = Output(file, reading)
    with open(writing, "wb") as pipe:
        for part in parts:
            pipe.write(part)
            pipe.flush()
    output.wait(5)
    return output


def test_the_last_lines(tmp_path):
    output = written(tmp_path / "log", b"one\n\ntw", b"o\n\x1b[31mred\x1b[0m\nlast")
    assert output.tail(2)[-1] == "last"
    assert output.tail(9)[:2] == ["one", "two"]
    assert "\x1b" not in "".join(output.tail(9))


def test_it_is_bounded_on_disk_and_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "KEPT", 10_000)
    output = written(tmp_path / "log", *[b"x" * 5_000] * 20)
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 10_000 + (1 << 16)
    assert len(output.tail(1)[0]) <= process.WIDTH
