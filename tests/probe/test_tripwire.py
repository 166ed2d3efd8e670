"""The line while C code holds the GIL; and that nothing is left of the tripwire, or goes wrong."""

import asyncio
import faulthandler
import gc
import json
import os
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from loopviz.clock import MS
from loopviz.engine.collector import RingReader
from loopviz.engine.dumps import Dumps
from loopviz.probe import install
from loopviz.probe.places import Places
from loopviz.probe.stacks import dumped_stack
from loopviz.probe.tripwire import Tripwire
from loopviz.wire.dump import DUMP_FILE, DumpReader, begin_dumps
from loopviz.wire.events import Kind
from loopviz.wire.ring import LOOP_RING
from tests.support.waiting import wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs timers on a thread's CPU clock")

DUMP = """Stack (most recent call first):
  File "/lib/json/encoder.py", line 200 in encode
  File "/home/me/r\\xe9sum\\xe9.py", line 12 in report
  File "/lib/asyncio/base_events.py", line 1900 in _run_once
  File "/home/me/main.py", line 3 in <module>
"""


def dump_file(folder, *texts):
    fd = begin_dumps(folder / DUMP_FILE, ("/home/me/",), ("/lib/",))
    for text in texts:
        os.write(fd, text.encode())
    os.utime(folder / DUMP_FILE, ns=(time.time_ns(), time.time_ns() - 1000 * MS))
    return fd


def test_a_dump_is_read_once(tmp_path):
    os.close(dump_file(tmp_path, DUMP))
    dumps = Dumps(tmp_path / DUMP_FILE)
    at, frames, culprit = dumps.newest()
    assert abs(time.monotonic_ns() - 1000 * MS - at) < 500 * MS
    assert frames == [
        "\t/lib/json/encoder.py\t200\tencode",
        "\t/home/me/résumé.py\t12\treport",
    ]
    assert culprit == 1
    assert dumps.newest() is None
    dumps.close()


def test_of_several_dumps_the_newest_counts(tmp_path):
    os.close(dump_file(tmp_path, DUMP, DUMP.replace("line 12", "line 13")))
    reader = DumpReader(tmp_path / DUMP_FILE)
    assert reader.read().frames[1][1] == 13
    assert reader.read() is None
    reader.close()


def test_a_file_that_begins_anew_is_followed(tmp_path):
    fd = dump_file(tmp_path, DUMP, DUMP)
    reader = DumpReader(tmp_path / DUMP_FILE)
    reader.read()
    os.ftruncate(fd, reader.first)
    os.write(fd, DUMP.encode())
    os.close(fd)
    assert reader.read() is None, "it may be in the making"
    assert reader.read(settled_ns=0).frames[0][2] == "encode"
    reader.close()


def test_without_a_dump_file_there_are_no_dumps(tmp_path):
    dumps = Dumps(tmp_path / DUMP_FILE)
    assert dumps.newest() is None
    (tmp_path / DUMP_FILE).write_text("")
    assert dumps.newest() is None
    os.close(dump_file(tmp_path, "Stack (most recent call first):\n  <no Python frame>\n"))
    assert dumps.newest() is None
    dumps.close()


def test_the_file_is_private(tmp_path):
    os.close(dump_file(tmp_path))
    assert stat.S_IMODE((tmp_path / DUMP_FILE).stat().st_mode) == 0o600


def test_a_dump_of_library_code_alone_blames_its_innermost_frame():
    frames = [("/lib/a.py", 1, "inner"), ("/lib/b.py", 2, "outer")]
    stack = dumped_stack(Places(["/home/me"], ["/lib/"]), frames)
    assert stack.culprit == 0
    assert len(stack.frames) == 2


HOLDS_THE_GIL = """
import asyncio, sys
from pathlib import Path
from loopviz.probe import install

async def holds():
    print("now", flush=True)
    sum(range(200_000_000))
    print("over", flush=True)

async def main():
    probe = install(path=Path(sys.argv[1]), tripwire=True)
    await asyncio.sleep(0.1)
    await asyncio.create_task(holds())
    probe.uninstall()

asyncio.run(main())
"""


@linux
@pytest.mark.real
def test_another_process_sees_the_line_meanwhile(tmp_path):
    script = tmp_path / "holds.py"
    script.write_text(HOLDS_THE_GIL)
    folder = tmp_path / "probe"
    with subprocess.Popen(
        [sys.executable, script, folder], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout.readline() == "now\n"
        dumps = Dumps(folder / DUMP_FILE)
        seen = wait_until(dumps.newest, 20, "a dump")
        assert select.select([program.stdout], [], [], 0)[0] == [], "it is over already"
        program.kill()
    at, frames, culprit = seen
    reader = RingReader(folder / LOOP_RING)
    events, _ = reader.read()
    newest = events[events["kind"] == Kind.STEP][-1]
    assert int(newest["at"]) < at < time.monotonic_ns()
    assert frames[culprit].split("\t")[1:] == [str(script), "8", "holds"]
    reader.close()
    dumps.close()


def signals_caught():
    with open("/proc/self/status") as status:
        return [line for line in status if line.startswith(("SigCgt", "SigIgn", "SigBlk"))]


@linux
@pytest.mark.real
def test_nothing_is_left_of_it(tmp_path):
    gc.collect()  # files that other tests have left
    caught, files = signals_caught(), len(list(Path("/proc/self/fd").iterdir()))
    folders = Places().folders()
    for i in range(3):
        tripwire = Tripwire(tmp_path / str(i), folders)
        assert signals_caught() != caught
        tripwire.put_off()
        tripwire.close()
    assert signals_caught() == caught
    assert len(list(Path("/proc/self/fd").iterdir())) == files


@linux
@pytest.mark.real
def test_the_timer_of_faulthandler_is_left_to_the_app(tmp_path):
    """It is one per process; pytest uses it, too."""
    report = tmp_path / "report"

    async def main():
        probe = install(path=tmp_path / "probe", tripwire=True)
        await asyncio.sleep(0.4)
        probe.uninstall()

    with report.open("w") as file:
        faulthandler.dump_traceback_later(0.2, file=file)
        asyncio.run(main())
        faulthandler.cancel_dump_traceback_later()
    assert "Timeout" in report.read_text()


@linux
@pytest.mark.real
def test_threads_that_compete_for_the_gil_set_off_no_dump_in_c(tmp_path):
    """There Python code runs, and its stack does not stand still: only Python may look at it."""
    tripwire = Tripwire(tmp_path / DUMP_FILE, Places().folders())
    over = threading.Event()

    def compute():
        while not over.is_set():
            sum(range(1000))

    threads = [threading.Thread(target=compute) for _ in range(2)]
    for thread in threads:
        thread.start()
    tripwire.put_off()
    until = time.monotonic() + 1.5  # nobody puts it off any more
    while time.monotonic() < until:
        json.dumps({"a": [1, {"b": 2}]}, indent=1)
    over.set()
    for thread in threads:
        thread.join()
    tripwire.close()
    dumps = (tmp_path / DUMP_FILE).read_text().split("Stack (most")[1:]
    assert len(dumps) >= 2
    assert [dump for dump in dumps if "_python_runs" not in dump] == []


@linux
@pytest.mark.real
def test_a_program_that_forgets_to_uninstall_ends_well(tmp_path):
    program = f"""
import asyncio, time
from pathlib import Path
from loopviz.probe import install
async def main():
    install(path=Path({str(tmp_path / "probe")!r}), tripwire=True)
    await asyncio.sleep(0.05)
asyncio.run(main())
until = time.process_time() + 0.2
while time.process_time() < until: pass
sum(range(8_000_000))
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


@pytest.mark.real
def test_off_the_main_thread_there_is_none(tmp_path):
    """Only the main thread hears signals in Python."""
    failed = []

    def elsewhere():
        try:
            Tripwire(tmp_path / DUMP_FILE, Places().folders())
        except ValueError as error:
            failed.append(error)

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert failed
    assert signal.getsignal(signal.SIGTERM) is before
