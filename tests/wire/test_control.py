"""Control messages: each survives the line, and what is none is refused in one sentence."""

import dataclasses
import json
from pathlib import Path
from types import NoneType, UnionType
from typing import get_args, get_origin, get_type_hints

import pytest

from loopviz.errors import WireError
from loopviz.lab.load.config import LoadConfig
from loopviz.lab.target.ready import TargetReady
from loopviz.wire import control
from loopviz.wire.control import Failed, LoadReport, Quit, SetFix, SetRate, decode, encode, messages
from loopviz.wire.samples import Sample

TYPES = tuple(control._types.values())
SCALARS = {str: 'ümläut "\n', int: 7, float: 1.5, bool: True, Path: Path("/a b/c.py")}


def example(hint, *, empty):
    """A value of that type; `empty`: None and () where these may be."""
    arguments = get_args(hint)
    if get_origin(hint) is UnionType:
        kind = next(one for one in arguments if one is not NoneType)
        return None if empty else example(kind, empty=empty)
    if get_origin(hint) is tuple:
        if arguments[-1] is Ellipsis:
            return () if empty else (example(arguments[0], empty=empty),) * 2
        return tuple(example(one, empty=empty) for one in arguments)
    if dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
        hints = get_type_hints(hint)
        return hint(**{name: example(one, empty=empty) for name, one in hints.items()})
    return SCALARS[hint]


def changed(message, **fields):
    """Its line, with other values for some of its fields."""
    return json.dumps(json.loads(encode(message)) | fields).encode()


def refusal(line):
    with pytest.raises(WireError, match=r"^[^\n]+\.$") as caught:
        decode(line)
    return str(caught.value)


def test_messages_of_other_files_are_known_once_they_are_imported():
    assert {LoadConfig, TargetReady, Quit} <= set(TYPES)


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("cls", TYPES)
def test_every_message_survives_the_line(cls, empty):
    message = example(cls, empty=empty)
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message
    assert hash(decode(line)) == hash(message), "it has lists nowhere"


@pytest.mark.parametrize("cls", TYPES)
def test_messages_are_frozen_keyword_only_and_small(cls):
    assert cls.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(cls))
    assert not hasattr(example(cls, empty=True), "__dict__")
    assert not {"type"} & {field.name for field in dataclasses.fields(cls)}


@pytest.mark.parametrize("cls", TYPES)
def test_every_field_is_checked(cls):
    message = example(cls, empty=False)
    for name, hint in get_type_hints(cls).items():
        owner = hint if dataclasses.is_dataclass(hint) else cls
        said = refusal(changed(message, **{name: {"no": "value"}}))
        assert said.startswith(owner.__name__), said


def test_defaults_may_be_left_out():
    assert decode(b'{"type": "Failed", "why": "No."}') == Failed(why="No.")


def test_a_whole_number_is_a_number():
    (rate,) = messages([b'{"type": "SetRate", "factor": 2}'])
    assert rate == SetRate(factor=2.0)
    assert type(rate.factor) is float


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "A control message is a JSON object, not b''."),
        (b"{]", "A control message is a JSON object, not b'{]'."),
        (b'["Quit"]', "A control message is a JSON object, not b'[\"Quit\"]'."),
        (b"\xff\n", "A control message is a JSON object, not b'\\xff\\n'."),
        (b"{}", "There is no control message None."),
        (b'{"type": "Dance"}', "There is no control message 'Dance'."),
        (b'{"type": ["Quit"]}', "There is no control message ['Quit']."),
        (b'{"type": "Quit", "now": 1}', "Quit has no field 'now'."),
        (b'{"type": "SetFix", "on": true}', "SetFix needs a field 'key'."),
        (changed(SetFix(key="a", on=True), on=1), "SetFix.on must be true or false, not 1."),
        (changed(SetFix(key="a", on=True), key=None), "SetFix.key must be text, not None."),
        (changed(SetRate(factor=1), factor=True), "SetRate.factor must be a number, not True."),
    ],
)
def test_what_is_no_message_is_refused(line, said):
    assert refusal(line) == said


def test_what_is_inside_is_checked_too():
    report = example(LoadReport, empty=True)
    for samples in ([[1, 2, 3, 4]], [[1, 2, 3, 4, "200", 0]], [[1, 2, 3, 4, 5.0, 0]], [7], 7):
        assert "LoadReport.samples must be" in refusal(changed(report, samples=samples))
    assert decode(changed(report, samples=[[1, 2, 3, 4, 5, 6]])).samples == (
        Sample(1, 2, 3, 4, 5, 6),
    )
    config = example(LoadConfig, empty=False)
    routes = json.loads(encode(config))["routes"]
    assert refusal(changed(config, routes=[routes[0] | {"rps": "many"}])).startswith("LoadInfo.rps")


def test_lines_without_a_message_are_passed_over():
    lines = [b"\n", b"null\n", encode(Quit()), b'{"type": "Quit", "x": 1}\n', encode(Quit())]
    assert list(messages(lines)) == [Quit(), Quit()]
