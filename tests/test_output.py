"""What a terminal would obey is shown instead; JSON is ASCII."""

import io
import json
import sys
import unicodedata

import pytest

from loopviz.output import (
    CleanStream,
    clean,
    clean_lines,
    clean_streams,
    clean_values,
    lowered,
    to_json,
)
from tests.support.escape_sequences import BAD, SHOWN, unsafe

EVERY = "".join(map(chr, [*range(0x10000), *range(0xE0000, 0xE0200), sys.maxunicode]))
"""The basic plane with the surrogates, tags and variation selectors, a private one."""


def test_no_code_point_is_unsafe_once_it_is_clean():
    spaces = {c for c in EVERY if unicodedata.category(c) == "Zs"}
    assert unsafe(clean(EVERY)) <= spaces
    assert unsafe(clean_lines(EVERY)) <= spaces
    assert clean_lines(EVERY).count("\n") == 1
    assert "\n" not in clean(EVERY)


def test_what_can_be_printed_stays_as_it_is():
    printable = "".join(c for c in EVERY if c.isprintable())
    assert clean(printable) == printable
    assert clean("a\u00a0b\u3000c") == "a\u00a0b\u3000c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (BAD, SHOWN),
        ("a\tb", "a    b"),
        ("\udc80 \U000e0001", r"\udc80 \U000e0001"),
        ("\u061c\u2066\u2069\u200e\u200f\u2029\x85", r"\u061c\u2066\u2069\u200e\u200f\u2029\x85"),
    ],
)
def test_an_unsafe_character_is_shown_as_python_writes_it(text, shown):
    assert clean(text) == shown


def test_values_are_clean_all_through():
    value = {BAD: [BAD, (BAD, 1.5), {"a": None}], "b": True}
    assert clean_values(value) == {SHOWN: [SHOWN, [SHOWN, 1.5], {"a": None}], "b": True}


def test_json_is_printable_ascii_and_means_the_same():
    text = to_json({BAD + "ä\udc80\\\x7f": EVERY})
    assert text.isascii()
    assert unsafe(text) == set()
    assert json.loads(text)[BAD + "ä\udc80\\\x7f"][:256] == EVERY[:256]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_streams_are_clean_and_no_encoding_makes_them_fail(monkeypatch, encoding):
    raw = io.BytesIO()
    before = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", before)
    monkeypatch.setattr(sys, "stderr", None)
    clean_streams()
    clean_streams()  # once is enough
    assert isinstance(sys.stdout, CleanStream)
    assert sys.stdout._file is before
    assert sys.stderr is None
    assert not hasattr(sys.stdout, "buffer"), "there is no way around"
    print("→ ä", BAD, "\udc80", sep="\n")
    sys.stdout.writelines([BAD])
    sys.stdout.flush()
    said = raw.getvalue().decode(encoding)
    arrow = {"utf-8": "→ ä", "latin-1": r"\u2192 ä", "ascii": r"\u2192 \xe4"}[encoding]
    first, second = SHOWN.split(" ")
    assert said.split("\n") == [arrow, first, second, r"\udc80", first, second]


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("WAITING FOR THE GIL", "waiting for the GIL"),
        ("LOCK HELD ACROSS I/O", "lock held across I/O"),
        ("CPU LIMIT REACHED", "CPU limit reached"),
        ("REGILDED", "regilded"),
    ],
)
def test_a_heading_keeps_its_abbreviations_in_a_sentence(heading, text):
    assert lowered(heading) == text
