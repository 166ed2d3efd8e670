"""A real Celery worker, in a process of its own that is started again when it dies.

`LOOPVIZ_BROKER_URL` says which broker (`redis://…`); without it there is one in an SQLite file
(`loopviz.parts.broker`). With that, no accepted job is lost if the worker is killed at any moment,
as far as the job has `acks_late=True`: it is done again, so it may be done twice.
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
"""Jobs that the worker does at a time, each in a thread."""
_AGAIN_S = 0.2
_AGAIN_MAX_S = 5.0
"""A worker that died is started again after so long; each time after twice as long."""


def celery_app(name: str) -> "Celery":
    """A Celery app on the broker of this run. Raises ImportError without the extra `celery`.

    Raises TargetError, in a sentence, for a broker URL that cannot be used.
    """
    from celery import Celery  # noqa: PLC0415 - an extra
    from kombu.utils.url import maybe_sanitize_url  # noqa: PLC0415

    from loopviz.parts.broker import SCHEME  # noqa: PLC0415 - needs it, too

    file = Path(tempfile.gettempdir()) / "loopviz-broker.sqlite"
    url = os.environ.get(VARIABLE) or f"{SCHEME}:///{file}"
    app = Celery(name, broker=url)
    try:
        _ = app.connection_for_write().transport  # finds the driver; does not connect
    except (KeyError, ImportError, ValueError) as error:
        raise TargetError(
            f"{VARIABLE} says {maybe_sanitize_url(url)}, which cannot be used ({error}): write "
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
    """A worker for the tasks of that file, whose `app` is the Celery app; None without Celery.

    It starts without being waited for: jobs that are sent meanwhile wait in the broker. It ends
    with the block, and with this process, however that ends.
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
    """The worker process, and whoever replaces it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._over = threading.Event()
        self.process = self._start()
        self._watch = threading.Thread(target=self._keep_alive, name="celery worker", daemon=True)
        self._watch.start()

    def end(self) -> None:
        """At once: a warm shutdown takes four seconds, and what it has in hand the broker keeps."""
        self._over.set()
        self.process.kill()
        self._watch.join()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(self._path)],
            stdin=subprocess.PIPE,  # never written to: its end tells that we are gone
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
            if self._over.is_set():  # just now, and `end` has killed the one before
                self.process.kill()
            pause_s = min(2 * pause_s, _AGAIN_MAX_S)


def main() -> None:
    """Work for the app of that file, until the parent says so or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    os.nice(5)  # those who are watched come first
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
