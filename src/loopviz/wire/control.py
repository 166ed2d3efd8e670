"""Control messages: what the terminal and its children send each other, a JSON object a line.

Down, on the child's standard input, go orders; its end means that the parent is gone, and so should
the child be. Up, on a pipe that the child was given, goes what became of them.

A message is a frozen dataclass. On the line its class's name is the `type`, beside its fields.
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
from loopviz.wire.samples import Sample

__all__ = [
    "AimLoad",
    "AwaitsReply",
    "AwaitsRequest",
    "Failed",
    "Leave",
    "LoadReady",
    "LoadReport",
    "LoadStopped",
    "Message",
    "Quit",
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
    """The base of all messages. A subclass is a dataclass, and can be decoded once it is made.

    Its fields are text, numbers, paths, and tuples, named tuples and dataclasses of these.
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
    """What to serve. A target's first message."""

    id: str
    """The scenario's."""
    path: Path
    options: RunOptions
    listen_fd: int
    """The listening socket, which the child inherits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFix(Message):
    """Turn a fix on or off."""

    key: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRequest(Message):
    """Where is that task? `StackReply` answers."""

    task: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitsRequest(Message):
    """Which tasks do these await, and those in turn? `AwaitsReply` answers."""

    tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(Message):
    """End once the accepted requests are served: other workers go on."""


# ---- down, to a load, after its `LoadConfig` (`lab.load.config`)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRate(Message):
    """Scale every route's requests per second."""

    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AimLoad(Message):
    """Send to another address from now on."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLoad(Message):
    """Send no more requests; `LoadStopped` follows once those in flight are done."""


# ---- up, from any child


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Message):
    """It cannot do what it was asked."""

    why: str
    """One sentence."""
    machine: bool = False
    """The machine refused room, permission, files or processes; the scenario is not to blame."""
    traceback: str = ""
    """Of what the scenario's file raised, if it did."""


# ---- up, from a target, beside its `TargetReady` (`lab.target.ready`)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLoading(Message):
    """The scenario's file runs."""

    why: str = ""
    """One sentence, with where it is, if that takes long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackReply(Message):
    """Where a task is."""

    task: int
    frames: tuple[str, ...] | None
    """Outermost first, as `probe.places` writes them; None: there is no such task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitsReply(Message):
    """What the tasks of an `AwaitsRequest` awaited; those that have ended are left out."""

    at_ns: int
    """When it was read, or shortly before: monotonic clock."""
    tasks: tuple[Awaiting, ...]


# ---- up, from a load


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReady(Message):
    """The schedule starts."""

    start_at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport(Message):
    """What became of requests since the last report; `sent`, `in_flight`, `shed` by route."""

    at_ns: int
    samples: tuple[Sample, ...]
    sent: tuple[int, ...]
    in_flight: tuple[int, ...]
    shed: tuple[int, ...]
    waiting: tuple[tuple[int, int], ...]
    """Route and scheduled time of requests that have waited long for their answer."""
    dropped: int
    """Samples lost since the parent did not read."""
    outcomes: tuple[tuple[int, int, int], ...]
    """Route, status and number of dropped samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStopped(Message):
    """No request will be sent any more, and the last report was made."""


# ---- the codec


def encode(message: Message) -> bytes:
    """The message as a line."""
    line = {"type": type(message).__name__} | _fields(message)
    return json.dumps(line, separators=(",", ":"), default=_plain).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message on a line. Raises WireError, which says what is wrong with it."""
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
    """The message on each line; a line that has none is passed over."""
    for line in lines:
        try:
            message = decode(line)
        except WireError:
            continue
        yield message


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _plain(value: Any) -> Any:
    """What JSON has no form for."""
    return str(value) if isinstance(value, Path) else _fields(value)


_Reader = Callable[[Any], Any]
"""Makes a value of what JSON gave. Raises WireError."""


@cache
def _reader(hint: Any, where: str) -> _Reader:
    """Reads values of that type; `where` names the field in errors."""
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
    """Of text, a number, a truth value or a path. No truth value is a number; an int is a float."""
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
"""What JSON gives for a field of that type."""


def _mismatch(where: str, word: str, value: Any) -> WireError:
    return WireError(f"{where} must be {word}, not {shown(value)}.")
