"""Source lines of a program, as long as its files are as they were when it began."""

import os
import time

from loopviz.clock import SECOND
from loopviz.engine.sources import Sources
from loopviz.program.processes import began_ns


def written(path, text, ago_s):
    path.write_text(text)
    at_ns = time.time_ns() - int(ago_s * SECOND)
    os.utime(path, ns=(at_ns, at_ns))
    return str(path)


def test_when_this_process_began():
    assert 0 < began_ns(os.getpid()) < time.time_ns()
    assert began_ns(1 << 30) == 0


def test_a_file_that_changed_after_the_start_has_no_lines(tmp_path):
    old = written(tmp_path / "old.py", "old()\n", 30)
    new = written(tmp_path / "new.py", "new()\n", 10)
    sources = Sources(time.time_ns() - 20 * SECOND)
    assert (sources.line(old, 1), sources.line(new, 1)) == ("old()\n", "")
    assert Sources().line(new, 1) == "new()\n", "not known when it began"


def test_what_was_read_once_stays_as_it_ran(tmp_path):
    path = written(tmp_path / "app.py", "before()\n", 30)
    sources = Sources(time.time_ns())
    assert sources.line(path, 1) == "before()\n"
    written(tmp_path / "app.py", "after it()\n", -5)
    assert sources.line(path, 1) == "before()\n"
    assert Sources(time.time_ns() + 10 * SECOND).line(path, 1) == "after it()\n", "a reload"
