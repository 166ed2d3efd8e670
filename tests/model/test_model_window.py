"""Which requests a window shows, however it moves, whatever is forgotten or held meanwhile."""

from hypothesis import given, settings
from hypothesis import strategies as st

from loopviz.model.ended import Ended
from loopviz.model.request import Request
from loopviz.model.window import Window


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
        st.tuples(st.just("hold"), st.integers(0, 60), st.integers(0, 5)),
        st.tuples(st.just("release"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(moves=moves, keep=st.sampled_from([20, 10_000]))
def test_a_window_shows_what_is_kept_of_its_time(moves, keep):
    ended, window = Ended(keep), Window(Shown)
    kept, hold, now, count = [], None, 100, 0  # (end, number) of all that are kept

    def forget(gone):
        for item in gone:
            if hold is None or not hold[0] <= item[0] <= hold[1]:
                kept.remove(item)

    for word, a, b in moves:
        if word == "end":
            for _ in range(a):
                now += b
                count += 1
                number = count ^ 3  # not in the order of their ends
                kept.append((now, number))
                ended.append(request(number, now))
                recent = [item for item in kept if item in list_of_recent(ended)]
                assert len(recent) <= keep
                kept = [item for item in kept if item in list_of(ended)]
        elif word == "look":
            start, end = now - a, now - b
            if start < end:
                places = ended.place(start), ended.place(end)
                shown = window.show(ended, *places)
                assert [v.number for v in shown] == sorted(n for at, n in kept if start <= at < end)
        elif word == "forget":
            forget([item for item in kept if item[0] < now - a and item in list_of_recent(ended)])
            ended.forget_before(now - a)
        elif word == "hold":
            held = set(list_of(ended)) - set(list_of_recent(ended))
            kept = [item for item in kept if item not in held]
            hold = (now - a, now + b)
            ended.hold(*hold)
        else:
            held = set(list_of(ended)) - set(list_of_recent(ended))
            kept = [item for item in kept if item not in held]
            hold = None
            ended.release()
        assert sorted(list_of(ended)) == sorted(kept)


def list_of(ended):
    return [(r.end_ns, r.number) for r in ended]


def list_of_recent(ended):
    return [(r.end_ns, r.number) for r in ended._recent]


def test_a_step_makes_only_what_comes_in():
    ended, window = Ended(10_000), Window(Shown)
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
    whole = window.show(Ended(1), 999, 1499, others)
    assert [v.number for v in whole] == sorted([*range(1000, 1500), 1200, 3, 9000])
