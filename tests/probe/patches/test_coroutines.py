"""Coroutines that nobody awaits, as the interpreter destroys them."""

import warnings

import pytest

from loopviz.wire.events import Kind
from tests.probe.patches.recorded import failures

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")


async def audit(n):
    return n


def keeps():
    coroutine = audit(1)
    del coroutine


def dropped_by_its_caller():
    kept = [audit(1)]
    return len(kept)


def told(recording):
    """Function, and the line that made it, 0: not known."""
    strings = recording.strings
    return [
        (e.text.split("\t")[0], int(strings[e.a].split("\t")[2]) if e.a else 0)
        for e in recording.of(Kind.NEVER_AWAITED)
    ]


def test_the_line_is_the_one_that_made_it(watched, here):
    lines = []

    async def main():
        lines.append(here() + 1)
        audit(1)

    recording = watched(main())
    assert told(recording) == [("audit", lines[0])]
    assert not failures(recording)


@pytest.mark.parametrize("makes", [keeps, dropped_by_its_caller])
def test_a_line_that_only_lets_go_of_it_is_not_blamed(watched, makes):
    async def main():
        makes()

    assert told(watched(main())) == [("audit", 0)]


def test_one_that_is_awaited_or_closed_is_none(watched):
    async def main():
        await audit(1)
        audit(2).close()

    assert told(watched(main())) == []


def test_the_warning_comes_all_the_same(watched):
    async def main():
        audit(1)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        watched(main())
    assert [str(one.message) for one in caught] == ["coroutine 'audit' was never awaited"]


def test_it_is_put_back_exactly(watched):
    before = warnings._warn_unawaited_coroutine

    async def main():
        assert warnings._warn_unawaited_coroutine is not before

    watched(main())
    assert warnings._warn_unawaited_coroutine is before
