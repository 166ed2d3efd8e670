"""The summary of a report, and the table that compares two."""

import pytest

from loopviz.clock import MS, SECOND
from loopviz.model.model import Model
from loopviz.report.renderers import renderer
from loopviz.testing import Story
from loopviz.wire.samples import LEFT, Sample
from tests.report.runs import T0, crowded, hung, report_of, run

summary, compare_table = renderer("text").report, renderer("text").comparison


def test_the_summary_shows_what_was_crowded_and_the_troubles():
    lines = summary(report_of(crowded())).splitlines()
    assert lines[-9:] == [
        "resource                              in use   waiting    p99 ms   gave up",
        "db.py:17 pool(2)                         2/2         2        30         1",
        "default executor                         1/4         1      1.00         0",
        "",
        "tasks   1 destroyed while pending · 1 raised unseen · 1 outlived their parent of 5",
        "",
        "WARNING exception never retrieved × 1",
        "  A task raised ValueError: x, and nobody retrieved it.",
        "  try: await the task, or use an `asyncio.TaskGroup`",
    ]


def test_use_is_a_sum_where_there_are_several():
    """A pool for each request: one thread each, of which three work."""
    model, story = Model(), Story()
    for number in (1, 2, 3):
        story.resource(number, "sqlalchemy.pool", 1, made_at="/app/db.py\t17\t").acquires(
            number, number, 1
        )
    story.step(4).waits_for(4, 1).idle(MS).feed(model)
    assert " 3/3×1 " in summary(report_of(model))


def test_summary():
    assert summary(report_of(run())).splitlines() == [
        "block · no fix · 1.0 s · seed 0",
        "",
        "route                      rps   sent     ok  errors    p50 ms    p99 ms",
        "GET /report                 12     10     10       0        60        60",
        "GET /ping                   20     10      9       1        40        40",
        "  timeout × 1",
        "",
        "loop    utilization 50% · 20 callbacks",
        "lag     p50 0.00 ms · p99 0.00 ms · max 0.00 ms",
        "ready   p50 0.00 ms · p99 0.00 ms · max 0.00 ms",
        "",
        "ERROR slow callback × 10",
        "  GET /report blocked the loop 50 ms in time.sleep(0.05).",
        "  at scenarios/block.py:42",
        "  try --fix to_thread",
    ]


@pytest.mark.parametrize(
    ("victims", "waited_ms", "said"),
    [
        (1, 1500, "; 1 request waited 1.5 s for it."),
        (12, 1500, "; 12 requests waited for it, 1.5 s in total."),
        (3, 32.4, "; 3 requests waited for it, 32 ms in total."),
    ],
)
def test_summary_names_the_victims(victims, waited_ms, said):
    report = report_of(run())
    report["findings"][0] |= {"victims": victims, "victim_wait_ms": waited_ms}
    assert summary(report).splitlines()[-3].endswith("in time.sleep(0.05)" + said)


def test_summary_of_a_healthy_run_and_of_nothing():
    healthy = summary(report_of(run(fix=True), ["to_thread"], seed=7, duration_s=2.5))
    assert healthy.splitlines()[0] == "block · to_thread · 2.5 s · seed 7"
    assert healthy.splitlines()[-1] == "no findings"
    nothing = summary(report_of(Model([("GET /a", 5)])))
    assert "utilization unknown" in nothing
    assert "lag     p50 – ms · p99 – ms · max – ms" in nothing


def test_compare_table():
    table = compare_table(report_of(run()), report_of(run(fix=True), ["to_thread"]))
    assert table.splitlines() == [
        "block: no fix → to_thread",
        "",
        "                                      before       after    change       samples",
        "GET /report p50                        60 ms     6.00 ms    ▼ 90 %       10 → 10",
        "GET /report p99                        60 ms     6.00 ms    ▼ 90 %       10 → 10",
        "GET /ping p50                          40 ms     2.00 ms    ▼ 95 %       10 → 10",
        "GET /ping p99                          40 ms     2.00 ms    ▼ 95 %       10 → 10",
        "GET /ping errors                           1           1",
        "lag p99                              0.00 ms     0.00 ms          ",
        "ready delay p99                      0.00 ms     0.00 ms          ",
        "utilization                              50%          2%",
        "slow callbacks                            10           0",
    ]


def test_long_names_are_cut_with_an_ellipsis():
    before, after = (report_of(crowded(routes=[("GET /a", 5)])) for _ in range(2))
    for report in (before, after):
        report["resources"][0]["name"] = "scenarios/selflock.py:17 Lock(1)"
        report["load"][0]["route"] = "GET /orders/by-customer-and-year"
    names = [line[:32] for line in compare_table(before, after).splitlines()]
    assert "GET /orders/by-customer-an… p50 " in names
    assert "waiting for …lock.py:17 Lock(1) " in names


def test_compare_shows_what_was_counted_what_failed_and_where_the_crowd_was():
    def counted(stored, fix):
        about = {"routes": [("GET /a", 5)], "counters": [("stored", "rows stored", False)]}
        model = Model(**about) if fix else crowded(**about)
        Story().counts("stored", stored).feed(model)
        statuses = [200] * 3 if fix else [500, 200, LEFT]
        samples = [Sample(0, T0 + i, T0 + i, T0 + 9 * MS, s) for i, s in enumerate(statuses)]
        model.feed_load(samples, [3], [0], [0])
        return report_of(model, ["fix"] if fix else [])

    before, after = counted(3, fix=False), counted(12, fix=True)
    lines = compare_table(before, after).splitlines()
    assert "GET /a errors                              1           0" in lines
    assert lines[-2:] == [
        "waiting for db.py:17 pool(2)               2           0",
        "counted stored                             3          12",
    ]
    assert "waiting for db.py:17 pool(2)               0           2" in (
        compare_table(after, before).splitlines()
    )
    said = summary(before).splitlines()
    assert said[3:5] == [
        "GET /a                       5      3      1       1      9.00      9.00",
        "  500 × 1 · left × 1",
    ]
    assert "counted stored 3" in said


def test_compare_says_what_got_worse():
    table = compare_table(report_of(run(fix=True)), report_of(run(), ["x", "y"]))
    lines = table.splitlines()
    assert lines[0] == "block: no fix → x + y"
    assert lines[3].split("▲")[1].split() == ["900", "%", "10", "→", "10"]


def test_compare_with_nothing_measured():
    empty = Model([("GET /a", 5)])
    lines = compare_table(report_of(empty), report_of(empty, ["x"])).splitlines()
    assert lines[3].split() == ["GET", "/a", "p50", "–", "ms", "–", "ms", "0", "→", "0"]
    assert not any("utilization" in line for line in lines)


@pytest.mark.parametrize("length", [5, 20, 21, 24, 25, 60])
def test_compare_keeps_the_figures_of_a_long_route_apart(length):
    model = Model([("GET /" + "x" * (length - 5), 5)])
    lines = compare_table(report_of(model), report_of(model, ["x"])).splitlines()
    assert " p50 " in lines[3]
    assert " p99 " in lines[4]


def test_the_first_line_says_what_hangs_and_where():
    quiet, held = (summary(hung(held=held)).splitlines() for held in (False, True))
    assert quiet[0] == (
        "HANGS at x.py:9: 20 requests of GET /a have waited up to 5.0 s so far, the oldest for "
        "door in lock; 20 of 39 requests were not answered, 1 timed out."
    )
    assert held[0] == (
        "HANGS at x.py:4: GET /a has blocked the loop for 5.0 s so far in lock; "
        "20 of 39 requests were not answered, 1 timed out."
    )
    for lines in (quiet, held):
        assert lines[1] == "block · no fix · 1.0 s · seed 0"
        assert lines[4:6] == [
            "GET /a                       5     30     10       0    ≥ 3400    ≥ 4900",
            "  unanswered × 20",
        ]


def test_what_nobody_is_left_waiting_for_does_not_hang():
    """All gave up, and the app answered: the finding is an error, but no request hangs."""
    report = hung()
    for route in report["load"]:
        route["unanswered"], route["errors"] = 0, {"503": 20}
    assert summary(report).startswith("block")
    report["load"][0]["unanswered"] = 1
    assert "; 1 of 39 requests was not answered." in summary(report).splitlines()[0]


def test_the_first_line_of_a_route_that_never_answers():
    model = Model([("GET /a", 5)])
    model.feed_load([], [3], [3], [0], [(0, T0)] * 3)
    said = summary(report_of(model, now_ns=T0 + SECOND)).splitlines()
    assert said[0] == "NO ANSWER: GET /a did not answer once; 3 of 3 requests were not answered."
    model.feed_load([Sample(0, T0, T0, T0 + MS, 500)], [4], [3], [0], [(0, T0)] * 3)
    assert summary(report_of(model, now_ns=T0 + SECOND)).startswith("block")


def test_a_stream_that_has_begun_has_answered():
    """Its client reads, and it has no end."""
    model = Model([("GET /a", 5)])
    model.feed_load([], [3], [3], [0], [(0, T0)] * 3)
    story = Story(T0).task(1).step(1).request(1, "GET /a").opens(1, "GET /a").message(1)
    story.idle(MS).feed(model)
    assert summary(report_of(model, now_ns=T0 + SECOND)).startswith("block")


@pytest.mark.parametrize("held", [False, True])
def test_compare_does_not_rate_a_hang_better_than_its_fix(held):
    """By those that were answered alone, the bug would be eight times as fast."""
    lines = compare_table(hung(held=held), hung(fix=True)).splitlines()
    assert lines[0].startswith("before: HANGS at x.py:")
    assert lines[1] == "block: no fix → unlock"
    assert lines[4:8] == [
        "GET /a p50                         ≥ 3400 ms       40 ms    ▼ 99 %       30 → 30",
        "GET /a p99                         ≥ 4900 ms       40 ms    ▼ 99 %       30 → 30",
        "GET /a unanswered                         20           0",
        "GET /b p50                           2.00 ms     2.00 ms     ▲ 0 %         9 → 9",
    ]
    other = compare_table(hung(fix=True), hung(held=held)).splitlines()
    assert other[0].startswith("after: HANGS at x.py:")
    assert other[4] == (
        "GET /a p50                             40 ms   ≥ 3400 ms  ▲ 8400 %       30 → 30"
    )


@pytest.mark.parametrize("turned", [False, True])
def test_a_lower_bound_beside_nothing(turned):
    """Of the other run nothing came back that counts."""
    reports = [hung(), report_of(Model([("GET /a", 5), ("GET /b", 5)]))]
    row = compare_table(*(reports[::-1] if turned else reports)).splitlines()[4]
    assert row.replace("≥ 3400 ms", "").split() == [
        "GET",
        "/a",
        "p50",
        "–",
        "ms",
        *(["0", "→", "30"] if turned else ["30", "→", "0"]),
    ]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ((100, False), (50, False), "▼ 50 %"),
        ((100, True), (50, False), "▼ 50 %"),
        ((100, True), (150, False), "?"),
        ((100, False), (150, True), "▲ 50 %"),
        ((100, False), (50, True), "?"),
        ((100, True), (50, True), "?"),
    ],
)
def test_a_change_of_lower_bounds_is_told_only_if_it_is_certain(before, after, change):
    reports = []
    for ms, bound in (before, after):
        report = report_of(Model([("GET /a", 5)]))
        report["load"][0]["latency_ms"]["p50"] = float(ms)
        report["load"][0]["latency_at_least"] = ["p50"] if bound else []
        reports.append(report)
    row = compare_table(*reports).splitlines()[3]
    assert row[56:66].strip() == change


def test_compare_names_what_was_on_before():
    before = report_of(run(), ["a"])
    after = report_of(run(fix=True), ["a", "b"])
    assert compare_table(before, after).splitlines()[0] == "block: a → a + b"


def test_summary_tells_what_follows_and_what_to_do():
    report = report_of(run())
    sentence = "39 tasks queued for Lock(1): GET /a waited 1.2 s"
    so = {"rule": "lock-convoy", "sentence": sentence, "count": 39, "victim_wait_ms": 0.0}
    found = report["findings"][0]
    found |= {"consequences": [so], "advice": "`await asyncio.to_thread(time.sleep, 0.05)`"}
    assert summary(report).splitlines()[-2:] == [f"  and so {sentence}", "  try --fix to_thread"]
    del found["suggested_fix"]
    assert summary(report).splitlines()[-1] == "  try: `await asyncio.to_thread(time.sleep, 0.05)`"


def test_a_load_at_its_limit_is_said_above_the_figures_of_the_loop():
    model = Model([("GET /a", 100), ("GET /b", 1)])
    late = [Sample(0, T0 + i, T0 + i + 40 * MS, T0 + i + 50 * MS, 200) for i in range(100)]
    model.feed_load([*late, Sample(1, T0, T0 + MS, T0 + 2 * MS, 200)], [100, 1], [0, 0], [0, 0])
    report = report_of(model)
    assert report["load"][0]["sent_late_ms"] == 40.0
    assert "sent_late_ms" not in report["load"][1]
    lines = summary(report).splitlines()
    assert lines[5:7] == [
        "The load was at its limit: half of its requests were sent 40 ms late or",
        "later. The latencies count from when they were due, so that is in them.",
    ]


def test_loops_that_were_not_recorded_are_told():
    report = report_of(Model())
    lines = summary(report).splitlines()
    report |= {"loops_left_out": 1037, "loops_crowded_out": 1}
    assert [line for line in summary(report).splitlines() if line not in lines] == [
        "loops   1,036 short loops were not recorded: to record them all would slow the",
        "        program. 1 loop was not recorded, since eight others were.",
    ]


def test_loops_one_after_another_are_counted():
    report = report_of(Model())
    report["loop"]["loops"] = 30
    assert "callbacks · 30 loops, one after another" in summary(report)


def test_a_closed_loop_is_told_with_what_its_latencies_hide():
    model = Model([("GET /a", 0.0, 20, ""), ("WS /b answer", 0.0, 0, "")])
    fast = [Sample(i % 2, T0 + i, T0 + i, T0 + i + MS, 200) for i in range(100)]
    model.feed_load(fast, [50, 50], [0, 0], [0, 0], at_ns=T0, busy=0.97)
    report = report_of(model)
    assert report["load"][0]["clients"] == 20
    assert report["load"][0]["load_busy"] == 0.97
    assert "clients" not in report["load"][1]
    report["load_left_out"] = ["POST /pay: it may change something"]
    assert summary(report).splitlines()[2:12] == [
        "route                      rps   sent     ok  errors    p50 ms    p99 ms",
        "GET /a                   20 cl     50     50       0      1.00      1.00",
        "WS /b answer                 –     50     50       0      1.00      1.00",
        "answers a second: GET /a 50.0",
        "cl: clients. In a closed loop a client sends when its last request is answered:",
        "a slow app gets fewer requests, and these latencies hide the wait of those",
        "that were never sent (coordinated omission).",
        "not sent: POST /pay: it may change something",
        "The load was at its limit: busy 97% of the time, it could not have sent",
        "more. The app may be faster than these figures say.",
    ]
    other = report | {"load": report["load"][:1]}
    both = compare_table(report, other)
    assert both.startswith("before: The load was at its limit: busy 97% of the time")
    assert both.endswith("(coordinated omission).")
    assert "WS /b" not in both
