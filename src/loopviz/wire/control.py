"""Control messages between the terminal process and its children, one JSON object per line.

Commands go down, on the child's standard input; its end means that the parent is gone, so the child
ends, too. Results go up, on a pipe that the child was given.

A message is a frozen dataclass. On the line, its class's name is the `type`, beside its fields.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from loopviz.errors import WireError
from loopviz.options import RunOptions
from loopviz.validation import shown, words
from loopviz.wire.awaiting import Awaiting
from loopviz.wire.blocker import Blocker
from loopviz.wire.samples import Sample

__all__ = [
    "AimLoad",
    "AwaitsReply",
    "AwaitsRequest",
    "BlockersReply",
    "BlockersRequest",
    "Failed",
    "Leave",
    "LoadReady",
    "LoadReport",
    "LoadStopped",
    "LoopStarted",
    "LoopsLeftOut",
    "Message",
    "OtherLoop",
    "Quit",
    "Serving",
    "SetFix",
    "SetRate",
    "StackReply",
    "StackRequest",
    "StopLoad",
    "TargetConfig",
    "TargetLoading",
    "decode",
    "encode",
    "messages",
]

_types: dict[str, type["Message"]] = {}


class Message:
    """Base class of all messages. A subclass is a dataclass, and `decode` knows it once defined.

    Its fields are text, numbers, bools, paths, and tuples, named tuples and dataclasses of these.
    """

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        _types[cls.__name__] = cls


# ---- down, to any child


@dataclass(frozen=True, slots=True, kw_only=True)
class Quit(Message):
    """End now."""


# ---- down, to a target


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetConfig(Message):
    """The app to serve. A target's first message."""

    id: str
    """The scenario's id."""
    path: Path
    listen_fd: int
    """Descriptor of the listening socket, which the child inherits."""
    options: RunOptions
    """With the fixes that are on now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFix(Message):
    """Turn a fix on or off."""

    key: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRequest(Message):
    """Ask for a task's await stack; `StackReply` answers."""

    task: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitsRequest(Message):
    """Ask which tasks these await, and those in turn; `AwaitsReply` answers."""

    tasks: tuple[int, ...]
    others: bool = False
    """Whether to add all other tasks, as far as the answer has room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockersRequest(Message):
    """Ask what the start or the end of the program waits for; `BlockersReply` answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(Message):
    """End once the accepted requests are served; other workers go on."""


# ---- down, to a load, after its `LoadConfig` (`lab.load.config`)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRate(Message):
    """Scale every route's requests per second."""

    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AimLoad(Message):
    """Send requests to another address from now on."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLoad(Message):
    """Send no more requests; `LoadStopped` follows once those in flight are done."""


# ---- up, from any child


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Message):
    """The child cannot do what it was asked to."""

    why: str
    """One sentence."""
    machine: bool = False
    """The system refused disk space, permission, files or processes: not the scenario's fault."""
    traceback: str = ""
    """The traceback of what the scenario's file raised, if it did."""


# ---- up, from a target, beside its `TargetReady` (`lab.target.ready`)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLoading(Message):
    """The target is running the scenario's file."""

    why: str = ""
    """One sentence that says where it is, if that takes long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackReply(Message):
    """The await stack of a task."""

    task: int
    frames: tuple[str, ...] | None
    """Outermost first, as `probe.places` writes them; None: there is no such task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitsReply(Message):
    """The awaits of the tasks of an `AwaitsRequest`; tasks that have ended are left out."""

    at_ns: int
    """The time of the reading, or shortly before: monotonic clock."""
    tasks: tuple[Awaiting, ...]


# ---- up, from each loop of a program that was started as it is (`probe.startup`)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockersReply(Message):
    """What the program of the loop waits for, in order: what each awaits follows it."""

    blockers: tuple[Blocker, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStarted(Message):
    """A loop begins to run, and is recorded. The first message on its connection."""

    pid: int
    at_ns: int
    """When: monotonic clock."""
    folder: Path
    """With the rings."""
    python: str
    """The version of its interpreter: `3.12.1`."""
    forked: bool = False
    """Whether its process was made by a fork, without another program or interpreter since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving(Message):
    """A server of HTTP requests has bound its socket; its app is up."""

    url: str
    """Empty: at an address that no browser knows, such as a Unix socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherLoop(Message):
    """A loop begins to run that is none of asyncio's. The only message on its connection."""

    library: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopsLeftOut(Message):
    """Loops of a process have ended that were not recorded. The only message on its connection."""

    pid: int
    loops: int
    """How many so far."""
    crowded: int
    """How many of them since there were recordings of as many others as there may be."""


# ---- up, from a load


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReady(Message):
    """The schedule starts."""

    start_at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport(Message):
    """Results of requests since the last report; `sent`, `in_flight` and `shed` by route."""

    at_ns: int
    samples: tuple[Sample, ...]
    sent: tuple[int, ...]
    in_flight: tuple[int, ...]
    shed: tuple[int, ...]
    waiting: tuple[tuple[int, int], ...]
    """Route and scheduled time of requests that have waited long for their answer."""
    dropped: int
    """Number of samples lost because the parent did not read."""
    outcomes: tuple[tuple[int, int, int], ...]
    """Route, status and number of dropped samples."""
    busy: float = 0.0
    """The share of the time since the last report in which the load had no moment to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStopped(Message):
    """No more requests will be sent; the last report has been made."""


# ---- the codec


def encode(message: Message) -> bytes:
    """The message as a line of JSON."""
    line = {"type": type(message).__name__} | _fields(message)
    return json.dumps(line, separators=(",", ":"), default=_plain).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message on a line. Raises WireError, which says what is wrong with the line."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise WireError(f"A control message is a JSON object, not {shown(line)}.")
    name = found.pop("type", None)
    if not isinstance(name, str) or name not in _types:
        raise WireError(f"There is no control message {shown(name)}.")
    cls: Any = _types[name]
    message: Message = _reader(cls, name)(found)
    return message


def messages(lines: Iterable[bytes]) -> Iterator[Message]:
    """The message on each line; lines without a valid one are skipped."""
    for line in lines:
        try:
            message = decode(line)
        except WireError:
            continue
        yield message


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _plain(value: Any) -> Any:
    """A JSON form for paths and nested dataclasses."""
    return str(value) if isinstance(value, Path) else _fields(value)


_Reader = Callable[[Any], Any]
"""Makes a field's value from a JSON value. Raises WireError."""


@cache
def _reader(hint: Any, where: str) -> _Reader:
    """The reader of values of a type; `where` names the field in errors."""
    arguments = get_args(hint)
    if get_origin(hint) is UnionType:
        return _optional(_reader(next(one for one in arguments if one is not NoneType), where))
    if get_origin(hint) is tuple:
        if arguments[-1] is Ellipsis:
            return _items(_reader(arguments[0], where), where)
        return _row(tuple, [_reader(one, where) for one in arguments], where)
    if is_dataclass(hint):
        return _object(hint)
    if issubclass(hint, tuple):
        names = get_type_hints(hint)
        return _row(hint._make, [_reader(names[name], where) for name in names], where)
    return _scalar(hint, where)


def _optional(read: _Reader) -> _Reader:
    return lambda value: None if value is None else read(value)


def _items(read: _Reader, where: str) -> _Reader:
    def items(value: Any) -> Any:
        if type(value) is not list:
            raise _mismatch(where, "a list", value)
        return tuple(map(read, value))

    return items


def _row(make: Callable[[Iterable[Any]], Any], columns: list[_Reader], where: str) -> _Reader:
    def row(value: Any) -> Any:
        if type(value) is not list or len(value) != len(columns):
            raise _mismatch(where, f"a list of {len(columns)}", value)
        return make([read(one) for read, one in zip(columns, value, strict=True)])

    return row


def _object(cls: Any) -> _Reader:
    hints, name = get_type_hints(cls), cls.__name__
    known = {each.name: _reader(hints[each.name], f"{name}.{each.name}") for each in fields(cls)}
    needed = {each.name for each in fields(cls) if _is_needed(each)}

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise _mismatch(name, "an object", value)
        if unknown := value.keys() - known:
            raise WireError(f"{name} has no field {shown(min(unknown))}.")
        if missing := needed - value.keys():
            raise WireError(f"{name} needs a field {min(missing)!r}.")
        return cls(**{field: known[field](one) for field, one in value.items()})

    return read


def _is_needed(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _scalar(cls: type, where: str) -> _Reader:
    """The reader of a str, int, float, bool or Path. A bool is not a number; an int is a float."""
    given = _GIVEN[cls]

    def read(value: Any) -> Any:
        if type(value) not in given:
            raise _mismatch(where, words(given[-1]), value)
        return cls(value)

    return read


_GIVEN: dict[type, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (int, float),
    bool: (bool,),
    Path: (str,),
}
"""The types of JSON values that a field of each type accepts."""


def _mismatch(where: str, word: str, value: Any) -> WireError:
    return WireError(f"{where} must be {word}, not {shown(value)}.")
