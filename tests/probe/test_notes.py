"""What a program says of itself: marks, spans, log records."""

import logging
import threading

import pytest

import loopviz
from loopviz.probe import notes
from loopviz.probe.few_texts import FewTexts
from loopviz.wire.events import SPAN_BEGINS, SPAN_ENDS, Kind


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setattr(notes, "_NOTES", notes._Notes())


def said(recording):
    return [event.text for event in recording.aux if event.kind is Kind.MARK]


def test_nothing_happens_while_nobody_watches():
    loopviz.mark("deploy")
    with loopviz.span("render"):
        pass
    assert loopviz.span("a") is loopviz.span("b")


def test_a_mark_is_recorded_in_any_thread_in_one_short_line(watched, fresh):
    async def main():
        loopviz.mark("deploy\n\t4")
        thread = threading.Thread(target=loopviz.mark, args=("x" * 1000,))
        thread.start()
        thread.join()

    assert said(watched(main())) == ["mark:deploy 4", f"mark:{'x' * 200}"]


def test_a_span_is_a_part_of_the_task_that_runs_it(watched, fresh):
    async def main():
        with loopviz.span("render"):
            pass

    recording = watched(main())
    spans = [(e.a, e.text, e.task_id > 0) for e in recording.of(Kind.PHASE)]
    assert spans == [(SPAN_BEGINS, "render", True), (SPAN_ENDS, "render", True)]


def test_warnings_are_recorded_and_logged_as_ever(watched, fresh, caplog):
    log = logging.getLogger("shop.orders")

    class Bad:
        def __str__(self):
            raise ValueError

    async def main():
        log.info("fine")
        log.warning("order %d is\nlate", 4)
        log.error(Bad())
        log.disabled = True
        log.error("nobody is told")
        log.disabled = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging, "raiseExceptions", False)
        patch.setattr(log, "propagate", False)
        log.addHandler(logging.NullHandler())
        log.addHandler(caplog.handler)
        patch.setattr(caplog.handler, "emit", caplog.records.append)
        assert said(watched(main())) == ["log:WARNING\tshop.orders\torder 4 is late"]
    assert "callHandlers" in vars(logging.Logger)
    assert logging.Logger.callHandlers.__module__ == "logging"


def test_there_are_only_so_many(watched, fresh, monkeypatch):
    monkeypatch.setattr(notes, "_RATE", 3)
    monkeypatch.setattr(notes._NOTES, "_texts", FewTexts(2))
    monkeypatch.setattr(notes, "monotonic_ns", lambda: 1)
    log = logging.getLogger("quiet")
    log.propagate = False
    log.addHandler(logging.NullHandler())

    async def main():
        for number in range(5):
            log.warning("number %d", number)

    start = "log:WARNING\tquiet\t"
    assert said(watched(main())) == [f"{start}number 0", f"{start}number 1", f"{start}…"]
