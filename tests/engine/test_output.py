"""What an app writes is taken at once, kept in bounds, and shown without escape sequences."""

import os
from pathlib import Path

import pytest

from loopviz.clock import MS, SECOND
from loopviz.engine import output as module
from loopviz.engine.output import Output, OutputLog


def written(file, *parts):
    """The log of a process that writes these parts: text on standard error, bytes elsewhere."""
    log = OutputLog()
    output = Output(log, file)
    stdout, stderr = os.dup(output.stdout), os.dup(output.stderr)
    output.begin()
    for part in parts:
        if isinstance(part, bytes):
            os.write(stdout, part)
        else:
            os.write(stderr, part.encode())
    os.close(stdout)
    os.close(stderr)
    output.wait(5)
    return log


def test_the_last_lines(tmp_path):
    log = written(tmp_path / "log", b"one\n\ntw", b"o\n\x1b[31mred\x1b[0m\nlast")
    assert log.tail(2)[-1] == "last"
    assert log.tail(9)[:2] == ["one", "two"]
    assert log.tail(9)[2:] == ["red", "last"]


def test_what_a_terminal_would_show_of_a_line(tmp_path):
    log = written(tmp_path / "log", b"10 %\r90 %\r100 %\r\n\x1b]0;title\x07\n\xff\n")
    assert log.tail(9) == ["100 %", "\\x1b]0;title\\x07", "\ufffd"]


def test_what_is_an_error_is_told_from_what_is_not(tmp_path):
    log = written(tmp_path / "log", b"fine\n", "not fine\nunfinished")
    said = {line.text: line.is_error for line in log.written().lines}
    assert said == {"fine": False, "not fine": True, "unfinished": True}


def test_it_is_bounded_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 10_000)
    log = written(tmp_path / "log", *[b"x" * 5_000] * 20)
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 10_000 + (1 << 16)
    assert len(log.tail(1)[0]) <= module.WIDTH


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_it_is_bounded_in_memory_and_counts_what_it_forgets(monkeypatch, at_once):
    monkeypatch.setattr(module, "LINES", 100)
    log = OutputLog()
    lines = [b"%d" % number for number in range(1000)]
    for first in range(0, 1000, at_once):
        log.add(lines[first : first + at_once])
    written = log.written()
    assert [line.text for line in written.lines] == [str(number) for number in range(900, 1000)]
    assert written.forgotten == 900
    monkeypatch.setattr(module, "SIZE", 60)
    log.add([b"newest"])
    assert sum(len(line.raw) for line in log.written().lines) <= 60
    assert log.tail(1) == ["newest"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_a_process_that_does_not_start_leaves_no_pipe_open(tmp_path):
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    written(tmp_path / "log")
    assert len(list(descriptors.iterdir())) == before


def test_a_log_record_is_in_the_log_unless_it_was_written_as_well(monkeypatch):
    log = OutputLog()
    monkeypatch.setattr(module, "monotonic_ns", lambda: 10 * SECOND)
    log.add([b"\x1b[33mWARNING order 4 is late"])
    log.note(10 * SECOND - MS, "WARNING shop: order 4 is late", "log", "order 4 is late")
    log.note(10 * SECOND - MS, "ERROR shop: nobody wrote that", "log", "nobody wrote that")
    log.note(10 * SECOND - MS, "ERROR shop: nobody wrote that", "log", "nobody wrote that")
    log.note(20 * SECOND, "WARNING shop: order 4 is late", "log", "order 4 is late")
    assert [(line.said, line.text) for line in log.written().lines] == [
        ("log", "ERROR shop: nobody wrote that"),
        ("log", "ERROR shop: nobody wrote that"),
        ("", "WARNING order 4 is late"),
        ("log", "WARNING shop: order 4 is late"),
    ]
    assert log.tail(9) == ["WARNING order 4 is late"]


def test_a_log_record_of_several_lines_is_found_in_what_was_written(monkeypatch):
    log = OutputLog()
    monkeypatch.setattr(module, "monotonic_ns", lambda: 10 * SECOND)
    log.add([b"12:00 ERROR never retrieved", b"future:  <Task 7>", b"Traceback"])
    words = "never retrieved future: <Task 7>"
    log.note(10 * SECOND - MS, f"ERROR asyncio: {words}", "log", words)
    assert [line.said for line in log.written().lines] == ["", "", ""]
