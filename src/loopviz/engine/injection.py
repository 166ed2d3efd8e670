"""Ways into a running process: its own socket, if it listens there, else `sys.remote_exec`."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import loopviz
from loopviz.engine import waking
from loopviz.errors import UsageError
from loopviz.probe.attachable import address

__all__ = ["Injection"]

PATIENCE_S = 10.0
_OLDER, _FORBIDDEN, _REFUSED = 3, 4, 5
ASK = f"""\
import sys
if not hasattr(sys, "remote_exec"):
    print("%d.%d" % sys.version_info[:2])
    sys.exit({_OLDER})
try:
    sys.remote_exec(int(sys.argv[1]), sys.argv[2])
except Exception as error:
    print(str(error).partition("\\n")[0])
    sys.exit({_FORBIDDEN} if isinstance(error, PermissionError) else {_REFUSED})
"""
"""Runs in the interpreter of the process, since only one of the same version may ask it."""
SCRIPT = "exec(compile(open({file!r}).read(), {file!r}, 'exec'), {given!r})\n"


class Injection:
    """Lets the loops of a process report at a socket. No call but `close` waits for a process.

    Call `poll` until it is done: it raises what is refused. The interpreter of the process is asked
    by a process of its own; what it asks for is done once the main thread runs Python code, and
    `wake` makes it do so.
    """

    def __init__(self, pid: int, control: Path) -> None:
        """`control`: the socket. Raises UsageError if the process cannot be attached to."""
        self._pid, self._until = pid, time.monotonic() + PATIENCE_S
        self._python = _executable(pid)
        self._asking: subprocess.Popen[str] | None = None
        self._waking: subprocess.Popen[str] | None = None
        self.at_once = _listens(pid, control)
        """The process has answered by itself, and need not be woken."""
        if self.at_once:
            return
        if _forbids(pid):  # it would be asked, and never look
            said = "it was started with remote debugging disabled"
            raise UsageError(_refusal(pid, _REFUSED, said))
        script = control.with_name("attach.py")
        file = str(Path(loopviz.__file__).parent / "path_entry" / "attach.py")
        given = {"__file__": file, "CONTROL": str(control)}
        script.write_text(SCRIPT.format(file=file, given=given))
        self._asking = self._start(self._python, "-I", "-S", "-c", ASK, str(pid), str(script))

    def poll(self) -> None:
        """See what has become of it. Raises UsageError if it was refused."""
        if self._waking is not None and self._waking.poll() is not None:
            self._waking.communicate()
            self._waking = None
        asking = self._asking
        if asking is None:
            return
        if asking.poll() is None:
            if time.monotonic() > self._until:
                raise self._cannot_ask("it has not answered")
            return
        said, error = asking.communicate()
        self._asking = None
        if asking.returncode:
            raise UsageError(_refusal(self._pid, asking.returncode, said.strip() or error))

    def wake(self) -> None:
        """Let its main thread look whether there is something to do, even if it sleeps in a call.

        See `loopviz.engine.waking`. Nothing happens if the system does not permit that.
        """
        with contextlib.suppress(UsageError):
            words = sys.executable, "-I", "-S", waking.__file__, str(self._pid)
            self._waking = self._start(*words)

    def close(self) -> None:
        """End what is under way. Safe to call twice."""
        for process in (self._asking, self._waking):
            if process is not None:
                process.kill()
                process.communicate()
        self._asking = self._waking = None

    def _start(self, *words: str) -> "subprocess.Popen[str]":
        try:
            return subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        except OSError as error:
            raise self._cannot_ask(str(error)) from None

    def _cannot_ask(self, why: str) -> UsageError:
        return UsageError(
            f"{self._python}, which runs process {self._pid}, cannot be asked: {why}."
        )


def _executable(pid: int) -> str:
    """The interpreter of that process. Raises UsageError."""
    place = Path(f"/proc/{pid}")
    if not place.exists():
        raise UsageError(f"There is no process {pid}: `loopviz attach` lists those that there are.")
    try:
        exe = str((place / "exe").readlink())
        same_root = os.path.samestat((place / "root" / ".").stat(), Path("/").stat())
    except OSError:
        raise UsageError(
            f"The process {pid} belongs to another user: start loopviz as that user."
        ) from None
    if not same_root:
        raise UsageError(
            f"The process {pid} runs in a container: start loopviz in there to attach to it."
        )
    if not Path(exe).name.startswith(("python", "pypy")):
        raise UsageError(f"The process {pid} runs {exe}, which is no Python interpreter.")
    return str(place / "exe") if exe.endswith(" (deleted)") else exe


def _forbids(pid: int) -> bool:
    """Whether its interpreter was told not to run what others ask for."""
    words, variables = (
        (Path("/proc") / str(pid) / name).read_bytes().split(b"\0")
        for name in ("cmdline", "environ")
    )
    switched = b"disable_remote_debug" in words or b"-Xdisable_remote_debug" in words
    return switched or any(
        each.startswith(b"PYTHON_DISABLE_REMOTE_DEBUG=") and not each.endswith(b"=")
        for each in variables
    )


def _listens(pid: int, control: Path) -> bool:
    """Ask the process itself, if it was started with `LOOPVIZ=1` or records itself."""
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(address(pid))
            asking.sendall(f"{control}\n".encode())
        except OSError:
            return False
    return True


def _refusal(pid: int, code: int, said: str) -> str:
    instead = "start it as `loopviz env` says, or with `loopviz run -- COMMAND`"
    if code == _OLDER:
        return (
            f"The process {pid} runs Python {said}, and only 3.14 and newer can be attached to "
            f"as they are: {instead}."
        )
    if code == _FORBIDDEN:
        return (
            f"The system does not let loopviz into process {pid} ({said}): run it as root, or "
            "allow it (sysctl kernel.yama.ptrace_scope=0; in a container, SYS_PTRACE), or "
            f"{instead}."
        )
    return f"The process {pid} cannot be attached to ({said}): {instead}."
