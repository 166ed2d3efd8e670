"""A real Celery worker in its own process, restarted when it dies.

`LOOPVIZ_BROKER_URL` names the broker (`redis://…`); the default is one in an SQLite file
(`loopviz.parts.broker`). With that one, no accepted job with `acks_late=True` is lost if the worker
is killed at any moment: the job runs again, so it may run twice.
"""

import importlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loopviz.errors import TargetError

if TYPE_CHECKING:
    from celery import Celery

__all__ = ["VARIABLE", "CeleryWorker", "celery_app", "celery_worker"]

VARIABLE = "LOOPVIZ_BROKER_URL"
AT_ONCE = 16
"""Jobs that the worker runs at the same time, each in a thread."""
_AGAIN_S = 0.2
_AGAIN_MAX_S = 5.0
"""Seconds before a dead worker is restarted: at first, and at most; they double each time."""


def celery_app(name: str) -> "Celery":
    """A Celery app on the broker of this run. Raises ImportError without the extra `celery`.

    Raises TargetError for a broker URL that cannot be used.
    """
    from celery import Celery  # noqa: PLC0415 - an extra
    from kombu.utils.url import maybe_sanitize_url  # noqa: PLC0415

    from loopviz.parts.broker import SCHEME  # noqa: PLC0415 - needs Celery, too

    file = Path(tempfile.gettempdir()) / "loopviz-broker.sqlite"
    url = os.environ.get(VARIABLE) or f"{SCHEME}:///{file}"
    app = Celery(name, broker=url)
    try:
        _ = app.connection_for_write().transport  # finds the driver; does not connect
    except (KeyError, ImportError, ValueError) as error:
        raise TargetError(
            f"{VARIABLE} is {maybe_sanitize_url(url)}, which cannot be used ({error}): write "
            "redis://host and install redis, or unset it to use SQLite."
        ) from error
    app.conf.update(
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
    )
    return app


@contextmanager
def celery_worker(path: str | Path) -> "Iterator[CeleryWorker | None]":
    """Run a worker for the tasks of a file, whose `app` is the Celery app; None without Celery.

    The block does not wait for its start: jobs sent before it wait in the broker. The worker ends
    with the block, or with this process, however that ends.
    """
    if importlib.util.find_spec("celery") is None:
        yield None
        return
    worker = CeleryWorker(Path(path))
    try:
        yield worker
    finally:
        worker.end()


class CeleryWorker:
    """The worker process and its replacements."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._over = threading.Event()
        self.process = self._start()
        self._watch = threading.Thread(target=self._keep_alive, name="celery worker", daemon=True)
        self._watch.start()

    def end(self) -> None:
        """Kill the worker: a warm shutdown takes four seconds, and the broker keeps its jobs."""
        self._over.set()
        self.process.kill()
        self._watch.join()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(self._path)],
            stdin=subprocess.PIPE,  # never written to: its end shows that this process is gone
            stdout=subprocess.DEVNULL,
        )

    def _keep_alive(self) -> None:
        pause_s = _AGAIN_S
        while True:
            self.process.wait()
            assert self.process.stdin is not None
            self.process.stdin.close()
            if self._over.wait(pause_s):
                return
            self.process = self._start()
            if self._over.is_set():  # set just now: `end` has killed the previous process
                self.process.kill()
            pause_s = min(2 * pause_s, _AGAIN_MAX_S)


def main() -> None:
    """Run the worker for the app of a file (`sys.argv[1]`), until killed or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    os.nice(5)  # the watched processes come first
    path = Path(sys.argv[1])
    threading.Thread(target=_die_with_parent, daemon=True).start()
    sys.path.append(str(path.parent))  # at the end: a file there may be called json.py
    app: Celery = importlib.import_module(path.stem).app
    from loopviz.parts.broker import SCHEME, give_back  # noqa: PLC0415 - an extra

    broker = app.connection_for_read()
    if broker.transport_cls == SCHEME:
        give_back("/" + broker.virtual_host.lstrip("/"))
    app.worker_main(
        [
            *("--quiet", "worker", "--loglevel=ERROR"),
            *("--pool=threads", f"--concurrency={AT_ONCE}"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ]
    )


def _die_with_parent() -> None:
    while os.read(0, 100):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
