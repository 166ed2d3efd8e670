"""Which requests a window shows, however it moves, whatever is forgotten or held meanwhile."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from loopviz.model.snapshot.window import Window
from loopviz.model.state.finished import FinishedRequests
from loopviz.model.state.request import Request


class Shown:
    """In place of a view."""

    made = 0

    def __init__(self, request):
        self.number, self.end_ns = request.number, request.end_ns
        Shown.made += 1


def request(number, end):
    made = Request(number, "GET /a", 0, end - 3, number)
    made.end_ns = end
    return made


moves = st.lists(
    st.one_of(
        st.tuples(st.just("end"), st.integers(1, 30), st.integers(0, 3)),
        st.tuples(st.just("look"), st.integers(0, 200), st.integers(0, 100)),
        st.tuples(st.just("forget"), st.integers(0, 80), st.just(0)),
        st.tuples(st.just("retain"), st.integers(0, 60), st.integers(0, 5)),
        st.tuples(st.just("release"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


GAP_FORGOTTEN = [
    [("end", 1, 0), ("end", 1, 0), ("retain", 0, 0), ("end", 21, 1), ("look", 21, 0)],
    [("end", 1, 0), ("retain", 0, 0), ("end", 20, 1), ("look", 20, 0)],
]
"""What the window then shows has a gap, of which nothing is known once it was released."""
COMES_LATER = [("end", 1, 0), ("retain", 0, 0), ("end", 2, 1), ("look", 2, 0), ("forget", 0, 0)]
"""Then it has one, though it is at the same places as before."""


@settings(max_examples=300, deadline=None)
@example(moves=[*GAP_FORGOTTEN[0], ("release", 0, 0), ("look", 1, 0)], keep=20)
@example(moves=[*GAP_FORGOTTEN[1], ("release", 0, 0), ("look", 1, 0)], keep=20)
@example(moves=[*COMES_LATER, ("look", 2, 0)], keep=20)
@given(moves=moves, keep=st.sampled_from([20, 10_000]))
def test_a_window_shows_what_is_kept_of_its_time(moves, keep):
    ended, window = FinishedRequests(keep), Window(Shown)
    kept, interval, now, count = {}, None, 100, 0  # `kept`: when each ended, by number

    def release():
        for number in numbers(ended) - numbers(ended._recent):
            del kept[number]

    for word, a, b in moves:
        if word == "end":
            for _ in range(a):
                now += b
                count += 1
                number = count ^ 3  # not in the order of their ends
                kept[number] = now
                ended.append(request(number, now))
                assert len(ended._recent) <= keep
            kept = {number: kept[number] for number in numbers(ended)}
        elif word == "look":
            start, end = now - a, now - b
            if start < end:
                places = ended.place(start), ended.place(end)
                shown = window.show(ended, *places)
                expected = sorted(n for n, at in kept.items() if start <= at < end)
                assert [v.number for v in shown] == expected
        elif word == "forget":
            for number in numbers(ended._recent):
                at = kept[number]
                if at < now - a and not (interval and interval[0] <= at <= interval[1]):
                    del kept[number]
            ended.forget_before(now - a)
        else:
            release()
            interval = (now - a, now + b) if word == "retain" else None
            ended.retain(*interval) if interval else ended.release()
        assert numbers(ended) == set(kept)


def numbers(requests):
    return {request.number for request in requests}


def test_a_step_makes_only_what_comes_in():
    ended, window = FinishedRequests(10_000), Window(Shown)
    for number in range(1, 2001):
        ended.append(request(number, number))
    window.show(ended, ended.place(1000), ended.place(1500))
    for step in (1, 2, 5, 300, -4, -200):
        before = Shown.made
        window.show(ended, ended.place(1000 + step), ended.place(1500 + step))
        window.show(ended, ended.place(1000), ended.place(1500))
        assert Shown.made - before == 2 * abs(step)
    before = Shown.made
    again = window.show(ended, ended.place(1000), ended.place(1500))
    assert again is window.show(ended, ended.place(1000), ended.place(1500))
    assert Shown.made == before
    others = [Shown(request(number, 3000)) for number in (1200, 3, 9000)]
    del ended
    whole = window.show(FinishedRequests(1), 999, 1499, others)
    assert [v.number for v in whole] == sorted([*range(1000, 1500), 1200, 3, 9000])
