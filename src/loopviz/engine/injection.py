"""Ways into a running process: its own socket, if it listens there, else `sys.remote_exec`."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import loopviz
from loopviz.engine import waking
from loopviz.errors import UsageError
from loopviz.probe.attachable import address

__all__ = ["inject", "wake"]

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


def inject(pid: int, control: Path) -> bool:
    """Let the loops of that process report at the socket `control`.

    True: at once. False: once its main thread runs Python code; `wake` makes it do so. Raises
    UsageError if there is no such process, or it cannot be attached to.
    """
    python = _executable(pid)
    if _listens(pid, control):
        return True
    if _forbids(pid):  # it would be asked, and never look
        raise UsageError(_refusal(pid, _REFUSED, "it was started with remote debugging disabled"))
    script = control.with_name("attach.py")
    file = str(Path(loopviz.__file__).parent / "path_entry" / "attach.py")
    script.write_text(SCRIPT.format(file=file, given={"__file__": file, "CONTROL": str(control)}))
    try:
        asked = subprocess.run(
            [python, "-I", "-S", "-c", ASK, str(pid), str(script)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{python}, which runs process {pid}, cannot be asked: {error}.") from None
    if asked.returncode:
        raise UsageError(_refusal(pid, asked.returncode, asked.stdout.strip() or asked.stderr))
    return False


def wake(pid: int) -> None:
    """Let its main thread look whether there is something to do, even if it sleeps in a call.

    See `loopviz.engine.waking`. Nothing happens if the system does not permit that.
    """
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            [sys.executable, "-I", "-S", waking.__file__, str(pid)],
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            check=False,
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
