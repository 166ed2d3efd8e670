"""loopviz in a terminal: a pseudo-terminal with an emulator behind it, or tmux."""

import fcntl
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time

import pyte

from tests.support.waiting import wait_until


class Screen:
    """What is on a screen. `text` and `press` depend on the kind of terminal."""

    def wait_for(self, condition, timeout_s=20.0, what="it"):
        """Wait until the condition holds of the text on the screen, and return its value."""
        try:
            return wait_until(lambda: condition(self.text()), timeout_s, what)
        except AssertionError as error:
            error.add_note(self.text())
            raise

    def until(self, *texts, timeout_s=20.0):
        """Wait until all of these are on the screen, and return its text."""
        return self.wait_for(
            lambda shown: shown if all(text in shown for text in texts) else None,
            timeout_s,
            f"{texts} on the screen",
        )

    def until_gone(self, text):
        self.wait_for(lambda shown: text not in shown, 5, f"the end of {text}")


class Terminal(Screen):
    """loopviz in a pseudo-terminal with an emulator behind it."""

    def __init__(self, columns, lines, *words, controls=True, **variables):
        """`controls`: it is the process's controlling terminal, whose end is told by a signal.

        `variables`: of the environment.
        """
        self.screen = pyte.Screen(columns, lines)
        self.raw = b""
        """All that it has written."""
        self._stream = pyte.ByteStream(self.screen)
        self.fd, self.tty = pty.openpty()  # we keep both ends, as a shell would
        fcntl.ioctl(self.tty, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._before = self.state()

        def prepare():
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job's is ignored
            if controls:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [sys.executable, "-m", "loopviz", *words],
            stdin=self.tty,
            stdout=self.tty,
            stderr=self.tty,
            env={**os.environ, "TERM": "xterm-256color", **variables},
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509
        )

    def resize(self, columns, lines):
        """Another size of the window: the kernel tells the program, which draws everything anew."""
        self.text()
        self.screen.resize(lines, columns)
        self.screen.reset()
        fcntl.ioctl(self.tty, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def state(self):
        """What a program may leave in disorder: attributes, modes such as the alternate screen."""
        return termios.tcgetattr(self.tty), set(self.screen.mode), self.screen.cursor.hidden

    def is_restored(self):
        """Whether all is as it was before the program started."""
        self.text()
        return self.state() == self._before

    def text(self):
        """What is on the screen now."""
        while select.select([self.fd], [], [], 0.02)[0]:
            try:
                data = os.read(self.fd, 1 << 16)
            except OSError:
                break
            self.raw += data
            # pyte takes a private sequence of newer terminals for text
            self._stream.feed(data.replace(b"\x1b[>25u", b"").replace(b"\x1b[<u", b""))
        return "\n".join(self.screen.display)

    def drain(self):
        """Take what has been written, without the emulator, which is slow on large pictures."""
        while select.select([self.fd], [], [], 0.005)[0]:
            try:
                os.read(self.fd, 1 << 16)
            except OSError:
                break

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def end(self):
        """Wait for the end, reading on so that nothing blocks; the exit code."""

        def ended():
            self.text()
            return self.process.poll() is not None

        wait_until(ended, 10, "its end")
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.fd)
        os.close(self.tty)


class Tmux(Screen):
    """loopviz in tmux, in a server of its own."""

    def __init__(self, socket, columns, lines, *words):
        self._tmux = ("tmux", "-f", os.devnull, "-S", str(socket))
        command = shlex.join([sys.executable, "-m", "loopviz", *words])
        keep = ("start-server", ";", "set", "-g", "remain-on-exit", "on", ";")
        self._run(*keep, "new-session", "-d", "-x", str(columns), "-y", str(lines), command)

    def text(self):
        """What is on the screen now."""
        time.sleep(0.02)
        return self._run("capture-pane", "-p")

    def press(self, keys):
        self._run("send-keys", "-H", *(f"{byte:x}" for byte in keys.encode()))

    def close(self):
        self._run("kill-server")

    def _run(self, *words):
        done = subprocess.run(
            [*self._tmux, *words], capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout
