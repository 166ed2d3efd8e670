"""What holds a loop: one context manager per way, giving the function that does it.

The line that holds it bears the comment `HOLDS`; in what is calibrated, for some 100 ms.
"""

import ctypes
import json
import logging
import os
import re
import socket
import sqlite3
import subprocess
import threading
import time
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

HELD_S = 0.1
HOLDS = "# HOLDS"


def long_enough(work, n, grow, seconds=0.08):
    """The first `n` for which that work takes so long."""
    while True:
        began = time.thread_time()
        work(n)
        if time.thread_time() - began > seconds:
            return n
        n = grow(n)


def half_more(n):
    return n + n // 2


def later(function, *arguments):
    """What ends the block, from a thread."""
    threading.Timer(HELD_S, function, arguments).start()


@contextmanager
def sleep(_tmp_path):
    def block():
        time.sleep(HELD_S)  # HOLDS

    yield block


@contextmanager
def socket_receive(_tmp_path):
    quiet, other = socket.socketpair()
    quiet.settimeout(HELD_S)

    def block():
        with suppress(TimeoutError):
            quiet.recv(1)  # HOLDS

    with quiet, other:
        yield block


@contextmanager
def database_lock(tmp_path):
    path = tmp_path / "db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        closing(sqlite3.connect(path, isolation_level=None, timeout=HELD_S)) as connection,
    ):
        other.execute("BEGIN EXCLUSIVE")

        def block():
            with suppress(sqlite3.OperationalError):
                connection.execute("BEGIN IMMEDIATE")  # HOLDS

        yield block


@contextmanager
def file_read(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def block():
        later(path.write_bytes, b"x")
        path.read_bytes()  # HOLDS

    yield block


@contextmanager
def run_program(_tmp_path):
    def block():
        subprocess.run(["sleep", str(HELD_S)], check=True)  # HOLDS

    yield block


@contextmanager
def python_code(_tmp_path):
    def block():
        until = time.thread_time() + HELD_S
        while time.thread_time() < until: pass  # HOLDS  # fmt: skip  # noqa: E701

    yield block


@contextmanager
def regular_expression(_tmp_path):
    def search(n):
        re.match(r"(a+)+$", "a" * n + "b")  # HOLDS

    n = long_enough(search, 18, lambda n: n + 1)
    yield partial(search, n)


@contextmanager
def json_in_c(_tmp_path):
    n = long_enough(lambda n: json.dumps([[1.5, 2.5, 3.5]] * n), 20_000, half_more)
    much = [[1.5, 2.5, 3.5]] * n

    def block():
        json.dumps(much)  # HOLDS

    yield block


@contextmanager
def json_in_python(_tmp_path):
    before, json.encoder.c_make_encoder = json.encoder.c_make_encoder, None
    n = long_enough(lambda n: json.dumps([[1, 2, 3]] * n, indent=1), 5000, half_more)
    much = [[1, 2, 3]] * n

    def block():
        json.dumps(much, indent=1)  # HOLDS

    yield block
    json.encoder.c_make_encoder = before


@contextmanager
def c_function(_tmp_path):
    n = long_enough(lambda n: sum(range(n)), 1_000_000, half_more)

    def block():
        sum(range(n))  # HOLDS

    yield block


@contextmanager
def operator(_tmp_path):
    n = long_enough(lambda n: 3**n, 200_000, half_more, 0.25)

    def block():
        3**n  # HOLDS

    yield block


@contextmanager
def asleep_with_the_gil(_tmp_path):
    usleep = ctypes.PyDLL(None).usleep

    def block():
        usleep(int(HELD_S * 1e6))  # HOLDS

    yield block


@contextmanager
def log_to_a_full_pipe(_tmp_path):
    read_end, write_end = os.pipe()
    logger = logging.getLogger("blocked")
    logger.propagate = False
    with os.fdopen(write_end, "w") as stream, os.fdopen(read_end, "rb", 0) as drain:
        handler = logging.StreamHandler(stream)
        logger.addHandler(handler)

        def fill():
            os.set_blocking(write_end, False)
            with suppress(BlockingIOError):
                while True:
                    os.write(write_end, b"x" * 4096)
            os.set_blocking(write_end, True)

        def block():
            fill()
            later(drain.read, 1 << 17)
            logger.warning("nobody reads this")  # HOLDS

        yield block
        logger.removeHandler(handler)


@contextmanager
def name_lookup(_tmp_path):
    """A stand-in below `socket.getaddrinfo`: no name server of ours can be made to be slow."""

    def below():
        source = "def getaddrinfo(*_):\n    sleep(held)\n    return []\n"
        space = {"sleep": time.sleep, "held": HELD_S}
        exec(compile(source, socket.__file__, "exec"), space)
        return space["getaddrinfo"]

    before, socket._socket.getaddrinfo = socket._socket.getaddrinfo, below()

    def block():
        socket.getaddrinfo("slow.example", 80)  # HOLDS

    yield block
    socket._socket.getaddrinfo = before


class Slow:
    """Its finalizer is."""

    def __del__(self):
        time.sleep(HELD_S)  # HOLDS


@contextmanager
def finalizer(_tmp_path):
    def block():
        thing = Slow()
        del thing

    yield block


def line_that_holds(function):
    """File and line of the comment in the function's source."""
    code = function.__code__
    lines = Path(code.co_filename).read_text().splitlines()[code.co_firstlineno - 1 :]
    return code.co_filename, code.co_firstlineno + next(
        i for i, line in enumerate(lines) if HOLDS in line
    )
