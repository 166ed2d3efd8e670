"""The strings of a ring file: each comes once, before the record that names it."""

import pytest

from loopviz.wire.ring import STRINGS_SIZE


def test_strings_come_in_order_each_once(pair):
    writer, reader = pair()
    numbers = [writer.ring.intern(text) for text in ("a", "b", "a", "", "c", "b")]
    assert numbers == [1, 2, 1, 3, 4, 2]
    reader.read()
    assert reader.strings == ["", "a", "b", "", "c"]
    assert writer.ring.intern("d") == 5
    reader.read()
    assert reader.strings[5] == "d"


def test_a_record_never_names_a_string_that_is_not_there(pair):
    """Strings are read after the records: a writer interns first, then writes."""
    writer, reader = pair()
    for i in range(50):
        number = writer.ring.intern(f"text {i}")
        writer.write()
        records, _ = reader.read()
        assert len(records) == 1
        assert reader.strings[number] == f"text {i}"


@pytest.mark.parametrize(
    ("text", "comes_out"),
    [
        ("Grüße, 世界 🌍", "Grüße, 世界 🌍"),
        ("a\x00b\t\n", "a\x00b\t\n"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        ("x" * 4096, "x" * 4096),
        ("x" * 5000, "x" * 4096),
        ("ü" * 3000, "ü" * 2048),
        ("x" + "ü" * 3000, "x" + "ü" * 2047 + "\ufffd"),
    ],
    ids=["unicode", "control", "surrogate", "longest", "too long", "two bytes", "cut in two"],
)
def test_texts(pair, text, comes_out):
    writer, reader = pair()
    number = writer.ring.intern(text)
    assert writer.ring.intern(text) == number
    assert writer.ring.intern("next") == number + 1
    reader.read()
    assert reader.strings[1:] == [comes_out, "next"]


def test_a_full_region_gives_0_and_counts(pair):
    writer, reader = pair()
    size = 4 + 4000
    fit = STRINGS_SIZE // size
    numbers = [writer.ring.intern(f"{i:04}" + "x" * 3996) for i in range(fit + 3)]
    assert numbers == [*range(1, fit + 1), 0, 0, 0]
    reader.read()
    assert len(reader.strings) == fit + 1
    assert reader.lost_strings == 3
    assert writer.ring.intern("0000" + "x" * 3996) == 1, "what is known stays known"
    assert writer.ring.intern("small") == fit + 1, "a small one may still fit"
    reader.read()
    assert (reader.strings[-1], reader.lost_strings) == ("small", 3)
