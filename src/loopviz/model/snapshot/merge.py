"""Merges the snapshots of workers that serve one address, each with a model of its own.

The first worker's snapshot is the base: only its model gets the load, the marks and the phases,
and its counters are the run's.
What the other workers have is added up, or listed under their names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from loopviz.model.snapshot import (
    Finding,
    Health,
    Mark,
    OrphanInfo,
    Peer,
    RequestInfo,
    Snapshot,
    State,
    TaskTable,
)
from loopviz.model.snapshot.findings import (
    latest,
    merge_consequences,
    merge_impacts,
    worst_first,
)
from loopviz.model.snapshot.overview import merge_overviews
from loopviz.model.snapshot.past import as_of

__all__ = [
    "add_findings",
    "clip",
    "drop_before",
    "keep_ended",
    "label_worker",
    "merge",
    "merge_past",
    "of_loop",
    "worker_label",
]


def worker_label(name: str, worker: int) -> str:
    """The name of a worker's resource: `db pool (worker 2)`; the first worker's stays as it is."""
    return name if worker == 1 else f"{name} (worker {worker})"


def label_worker(number: int, snapshot: Snapshot) -> Snapshot:
    """The snapshot, with its resources and executors named after their worker."""
    if number == 1:
        return snapshot
    return replace(
        snapshot,
        resources=tuple(replace(r, name=worker_label(r.name, number)) for r in snapshot.resources),
        jobs=tuple(replace(j, name=worker_label(j.name, number)) for j in snapshot.jobs),
    )


def merge(
    first: Snapshot, peers: Sequence[tuple[int, Snapshot]], gone: Sequence[Snapshot] = ()
) -> Snapshot:
    """One snapshot of all workers: the first, the others by number, and those leaving or gone.

    Requests keep their numbers and lanes, which the workers' models share (`Lanes`). Tasks are
    listed for the first worker only, and counted for all. Workers that are gone list no resources.
    """
    if not peers and not gone:
        return first
    here = [first, *(snapshot for _, snapshot in peers)]
    everyone = [*here, *gone]
    requests = [request for of in everyone for request in of.requests]
    requests.sort(key=lambda request: request.number)
    resources = [resource for of in here for resource in of.resources]
    resources.sort(key=lambda r: (-r.waiting.now, -r.waiting.max, -r.in_use.now, -r.in_use.max))
    return replace(
        first,
        requests=tuple(requests),
        marks=_add_marks(everyone),
        orphans=tuple(orphan for of in everyone for orphan in of.orphans),
        findings=add_findings([of.findings for of in everyone]),
        health=_add_health([of.health for of in everyone]),
        tasks=_add_tasks([of.tasks for of in everyone]),
        resources=tuple(resources),
        jobs=tuple(jobs for of in here for jobs in of.jobs),
        incidents=tuple(
            sorted((one for of in here for one in of.incidents), key=lambda one: one.start_ns)
        ),
        peers=tuple(Peer(worker=number, loop=of.loop) for number, of in peers),
        loops=((1, first), *peers) if peers else (),
        overview=merge_overviews(*(of.overview for of in everyone)),
    )


def of_loop(merged: Snapshot, number: int) -> Snapshot:
    """The picture of one loop of several; of 0, or one that has ended, that of all.

    What the load saw, the marks, the comparison and the counters are the run's in any case.
    """
    own = dict(merged.loops).get(number)
    if own is None:
        return merged
    label = worker_label("", number)
    return replace(
        own,
        resources=tuple(replace(r, name=r.name.removesuffix(label)) for r in own.resources),
        jobs=tuple(replace(j, name=j.name.removesuffix(label)) for j in own.jobs),
        routes=merged.routes,
        marks=merged.marks,
        comparison=merged.comparison,
        counters=merged.counters,
        loops=merged.loops,
    )


def merge_past(
    frozen: Snapshot, then: Mapping[int, Snapshot], others: Sequence[Snapshot]
) -> Snapshot:
    """Merges snapshots of a past moment: `then` by number; `others` are leaving or gone."""
    first, everyone = then[1], [*then.values(), *others]
    requests = [request for of in everyone for request in of.requests]
    requests.sort(key=lambda request: request.number)
    return replace(
        frozen,
        now_ns=first.now_ns,
        loop=first.loop,
        routes=first.routes,
        oldest_ns=first.oldest_ns,
        requests=tuple(requests),
        marks=_add_marks(everyone),
        orphans=tuple(orphan for of in everyone for orphan in of.orphans),
        resources=tuple(as_of(resource, first.now_ns) for resource in frozen.resources),
        counters=first.counters,
        peers=tuple(
            replace(peer, loop=then[peer.worker].loop) if peer.worker in then else peer
            for peer in frozen.peers
        ),
        loops=tuple((number, then.get(number, own)) for number, own in frozen.loops),
    )


def _add_marks(everyone: Sequence[Snapshot]) -> tuple[Mark, ...]:
    """The first one's, and what the others' programs have said."""
    first, *others = everyone
    said = [mark for of in others for mark in of.marks if mark.said]
    if not said:
        return first.marks
    return tuple(sorted((*first.marks, *said), key=lambda mark: mark.at_ns))


def clip(gone: Snapshot, start_ns: int, end_ns: int) -> Snapshot:
    """Clips a gone worker's snapshot to that time: a request that ended later is open."""
    there = (r for r in gone.requests if r.start_ns < end_ns and r.end_ns > start_ns)
    orphans = (o for o in gone.orphans if o.start_ns < end_ns and o.end_ns > start_ns)
    return replace(
        gone,
        requests=tuple(_until(request, end_ns) for request in there),
        orphans=tuple(_orphans_until(one, end_ns) for one in orphans),
    )


def _orphans_until(orphans: OrphanInfo, end_ns: int) -> OrphanInfo:
    return orphans if orphans.end_ns <= end_ns else replace(orphans, end_ns=end_ns, open=True)


def _until(request: RequestInfo, end_ns: int) -> RequestInfo:
    if request.end_ns <= end_ns:
        return request
    spans = [(s, min(e, end_ns), state) for s, e, state in request.spans if s < end_ns]
    sums = dict.fromkeys(State, 0)
    for start, end, state in spans:
        sums[state] += end - start
    return replace(
        request,
        spans=tuple(spans),
        end_ns=end_ns,
        open=True,
        status=0,
        busy_ns=sum(sums[state] for state in State if state.runs),
        ready_ns=sums[State.READY],
        waiting_ns=sum(sums[state] for state in State if state.waits),
        waits=(),
        phases=tuple(p for p in request.phases if p.start_ns < end_ns),
        bytes_sent=0,
    )


def keep_ended(gone: Snapshot | None, ended: Snapshot) -> Snapshot:
    """Keeps what remains to be shown and counted of an ended worker, and of those before it."""
    tasks = replace(ended.tasks, live=0)
    ended = replace(ended, resources=(), jobs=(), tasks=tasks)
    return merge(ended, (), [gone] if gone else ())


def drop_before(start_ns: int, gone: Snapshot) -> Snapshot:
    """Drops the requests that had ended by then."""
    return replace(
        gone,
        requests=tuple(r for r in gone.requests if r.end_ns >= start_ns),
        orphans=tuple(o for o in gone.orphans if o.end_ns >= start_ns),
    )


def add_findings(found: Iterable[Sequence[Finding]]) -> tuple[Finding, ...]:
    """Merges findings of the same culprit in several workers; worst first, as in a model."""
    together: dict[object, list[Finding]] = {}
    for findings in found:
        for finding in findings:
            where = finding.location
            place = (where.path, where.line, where.function) if where else finding.sentence
            kind = finding.work.kind if finding.work else ""
            together.setdefault((finding.rule, place, kind), []).append(finding)
    return worst_first(_one(same) for same in together.values())


def _one(same: Sequence[Finding]) -> Finding:
    """One finding of several: the sentence of the worst, counts added up."""
    if len(same) == 1:
        return same[0]
    return replace(
        max(same, key=lambda finding: finding.worst_ns),
        severity="error" if any(f.severity == "error" for f in same) else "warning",
        count=sum(f.count for f in same),
        total_ns=sum(f.total_ns for f in same),
        last_ns=max(f.last_ns for f in same),
        victims=sum(f.victims for f in same),
        victim_wait_ns=sum(f.victim_wait_ns for f in same),
        moments=latest(moment for f in same for moment in f.moments),
        impacts=merge_impacts(impact for f in same for impact in f.impacts),
        consequences=merge_consequences(one for f in same for one in f.consequences),
        open=sum(f.open for f in same),
        open_ns=max(f.open_ns for f in same),
    )


def _add_health(of: Sequence[Health]) -> Health:
    return Health(
        events=sum(health.events for health in of),
        dropped_events=sum(health.dropped_events for health in of),
        lost_strings=sum(health.lost_strings for health in of),
        failed_hooks=tuple(hook for health in of for hook in health.failed_hooks),
        newest_ns=max(health.newest_ns for health in of),
    )


def _add_tasks(of: Sequence[TaskTable]) -> TaskTable:
    counts = (
        "live",
        "started",
        "raised",
        "cancelled",
        "never_retrieved",
        "outlived_parent",
        "lost",
    )
    return replace(of[0], **{name: sum(getattr(info, name) for info in of) for name in counts})
