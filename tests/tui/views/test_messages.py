"""WebSockets and streams in the live view: marks on their lane, and words in the detail."""

from dataclasses import replace

import pytest

from loopviz.clock import MS
from loopviz.model.snapshot import RequestInfo, StreamInfo
from loopviz.tui.draw.glyphs import ASCII, BLOCKS
from loopviz.tui.views.live.messages import message_facts
from tests.tui.fake_run import FakeRun
from tests.tui.stage import Stage, drive

STREAM = StreamInfo(
    lasts=True,
    opened=True,
    first_ns=10 * MS,
    gap_ns=1_200 * MS,
    sent=1,
    received=1_234,
    received_size=4_000,
    times=(),
)


class Chat(FakeRun):
    """The requests send a message every 20 ms."""

    def frame(self, now_ns, window_ns):
        frame = super().frame(now_ns, window_ns)
        return frame._replace(snapshot=self._chatting(frame.snapshot) if frame.snapshot else None)

    def _chatting(self, snapshot):
        return replace(snapshot, requests=tuple(map(self._chat, snapshot.requests)))

    def _chat(self, request):
        times = tuple(range(request.start_ns, request.end_ns, 20 * MS))
        return replace(request, stream=replace(STREAM, times=times))


@pytest.mark.parametrize(("glyphs", "ascii_only"), [(BLOCKS, False), (ASCII, True)])
def test_messages_are_marked_on_the_lane_and_in_the_legend(glyphs, ascii_only):
    async def play(stage: Stage) -> None:
        lane = next(line for line in stage.lines() if line.startswith(" GET /order"))
        assert lane[18:90].count(glyphs.message) > 5
        assert f"{glyphs.message} message" in stage.text()

    drive(play, (160, 40), Stage(Chat("dbpool"), ascii_only=ascii_only))


def test_the_words_of_a_websocket_and_of_a_stream():
    request = RequestInfo(1, "WS /chat/{room}", 0, (), 0, 9, True, 0, 0, 0, 0, stream=STREAM)
    assert message_facts(request) == [
        "1 sent",
        "1,234 received",
        "first after 10 ms",
        "longest gap 1.2 s",
    ]
    request = replace(request, route="GET /events", stream=replace(STREAM, sent=0, first_ns=0))
    assert message_facts(request) == ["0 parts sent", "longest gap 1.2 s"]
    assert message_facts(replace(request, stream=None)) == []
