"""What is told of a resource, in words."""

from loopviz.wire.events import NUMBER, Kind
from tests.support.recording import coroutine_name

TOLD = (Kind.WAIT, Kind.WAIT_OVER, Kind.ACQUIRED, Kind.RELEASED, Kind.QUEUE_SIZE)


def resources(recording):
    """The resources that were introduced: number, kind, name, line; the newest description."""
    rows = {}
    for event in recording.of(Kind.RESOURCE):
        kind, name, _, line, _ = event.text.split("\t")
        rows[event.a >> 32] = (kind, name, event.a & NUMBER, int(line))
    return rows


def story(recording, kind):
    """Of the one resource of that kind: (event, b or direction), in order."""
    (number,) = (n for n, row in resources(recording).items() if row[0] == kind)
    return [
        (e.kind.name, e.a >> 32 if e.kind in (Kind.WAIT, Kind.WAIT_OVER) else e.b)
        for e in recording.of(*TOLD)
        if e.a & NUMBER == number
    ]


def most_in_use(recording, kind):
    return max(b for name, b in story(recording, kind) if name in ("ACQUIRED", "RELEASED"))


def whos(recording, kind, *events):
    """By which tasks, in order."""
    (number,) = (n for n, row in resources(recording).items() if row[0] == kind)
    return [e.task_id for e in recording.of(*events) if e.a & NUMBER == number]


def failures(recording):
    return [e.text for e in recording.aux if e.kind is Kind.HOOK_FAILED]


def jobs(recording):
    """By job: its records' kinds in order of time, the last one's outcome."""
    found = {}
    for e in sorted(recording.loop + recording.aux, key=lambda e: (e.at, e.kind)):
        if e.kind in (Kind.JOB, Kind.JOB_START, Kind.JOB_END):
            found.setdefault(e.a >> 32, []).append(
                e.kind.name if e.kind is not Kind.JOB_END else (e.kind.name, e.b)
            )
    return list(found.values())


def assert_each_handler_made_one(recording, kind):
    """Each task of a coroutine `handler` made one resource of that kind."""
    made = [e for e in recording.of(Kind.RESOURCE) if e.text.startswith(kind)]
    handlers = [e for e in recording.of(Kind.TASK_START) if coroutine_name(e) == "handler"]
    assert [e.task_id for e in made] == [e.task_id for e in handlers]


def assert_restores(owners, installed):
    """The probe changes these classes, and its end leaves them as they were."""
    before = [dict(vars(owner)) for owner in owners]
    probe = installed()
    assert [dict(vars(owner)) for owner in owners] != before
    probe.uninstall()
    assert [dict(vars(owner)) for owner in owners] == before
