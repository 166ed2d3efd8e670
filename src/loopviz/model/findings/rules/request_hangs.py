"""`request-hangs`: requests wait for something that does not come while the loop is idle."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from loopviz.clock import SECOND
from loopviz.model.findings.case import Case, Subject, Verdict
from loopviz.model.findings.context import Context
from loopviz.model.findings.evidence import all_of, quoted, resource_name
from loopviz.model.findings.hanging import HANGS_NS, OPEN, TIMES, UNKNOWN_NS
from loopviz.model.findings.rule import Rule, RuleInfo
from loopviz.model.findings.rules.thread_limiter_exhausted import counts_threads
from loopviz.model.names import parse_site
from loopviz.model.snapshot import Location
from loopviz.model.state.entities import Job, Resource, Task, Wait
from loopviz.model.state.request import Request
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.units import duration_text
from loopviz.wire.kinds import Family, ResourceKind

__all__ = ["RequestHangs"]

_JOINS = re.compile(r"await (?:[\w.\[\]]+\.)?(\w+)\.join\(\)")
"""A line that waits until all items of a queue, whose name it has, are done."""
_RESULT = "Future.result"
_PROCESS_ENDS = ("Process.wait", "BaseSubprocessTransport._wait")
_END_OF_PROCESS = "the end of a process"
_READ_IT = "`await process.communicate()` reads its output meanwhile: a full pipe stops the process"
_OTHER_POOL = "give the jobs that other jobs wait for a pool of their own"
_FROM_THREADS = ("/anyio/from_thread.py", "/asgiref/sync.py")
_ASYNC_DEF = "await it in an `async def`: this thread waits for the loop, which waits for a thread"
_GOES_ON = "which was cancelled and goes on"
_GIVE_BACK = (
    "await what has no end instead of keeping a thread for it, or give it threads of its own"
)
_NOBODY = {
    Family.EVENT: "nobody is known who could set it",
    Family.CONDITION: "nobody is known who could notify",
}
"""What is said of resources that nobody holds."""


class _Waits(NamedTuple):
    """Where a request stands still."""

    what: str
    """What it waits for; empty: not known."""
    where: Location | None
    kind: ResourceKind | None = None
    """The kind of the resource that it waits for."""
    taken: "_Taken | None" = None
    """Who has what it waits for, if that is a thread or a connection."""
    full: ResourceGroup | None = None
    """The executor that runs its job, if all its threads run jobs of requests that hang."""


class _Taken(NamedTuple):
    """The thread or connection of a pool that somebody has had the longest."""

    group: ResourceGroup
    owner: str
    since_ns: int
    where: Location | None
    """Where its owner stands."""


class _Hang(Case):
    """The requests of a route that hang."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.requests: list[Request] = []

    stands = _Waits("", None)
    """Where the oldest one stands: what stopped it may well be what the others wait for."""
    answered_ns = 0
    """How long the longest answered request took; 0: none was answered."""


class RequestHangs(Rule[_Hang]):
    """One finding for each route, for as long as it lasts.

    A request whose response has begun, or is sent except for background tasks, does not hang; nor
    does a queue that moves, since what is answered from it gets old, too.
    """

    info = RuleInfo(
        id="request-hangs",
        title="REQUESTS HANG",
        summary="requests do not go on while the loop is idle",
        why="What they wait for does not come: a lock never released, a result nobody sets.",
        fires_when=(
            f"a request makes no step for {HANGS_NS // SECOND} s of the loop's idle time, and "
            f"is {TIMES} times as old as the longest answered request of its route "
            f"({UNKNOWN_NS // SECOND} s old, if none was answered); not once its response has "
            "begun. One finding for each route, at the line where the oldest waits"
        ),
        counts="requests; their age",
        false_alarms="a route that is slow by nature, until its first request is answered",
        tried=(
            "a queue that moves, however long",
            "a response that has begun: streams, server-sent events; a WebSocket, once accepted",
            "background tasks after the response",
            "a loop that was blocked meanwhile",
            "a route that always takes as long",
            "requests of which a record was lost",
        ),
        cures=(
            "release locks and permits with `async with`, or in `finally`",
            "bound the wait: `async with asyncio.timeout(...)`",
            "set the result or event on every path, errors included",
        ),
        many="{count} requests of {places} more routes hang",
    )
    make_case = _Hang

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._now = 0

    def request_ended(self, request: Request, at: int) -> None:
        self.context.hangs.request_ended(request, at)

    def refresh(self, now: int) -> None:
        for case in self.cases.values():
            case.clear_open()
            case.requests.clear()
        context = self.context
        self._now, stuck = now, context.hanging(now)
        context.standing = tuple(self._standing(stuck, now))
        stuck = stuck + [one for one in context.hangs.resting if self._uncancelled(one.task)]
        for request in stuck:
            if request in context.explained:
                continue
            case = self.case(request.route)
            age = now - request.start_ns
            if not case.open:
                case.label, case.stands = request.route, self._stands(request)
                case.answered_ns = context.hangs.answered.get(request.route, 0)
            case.requests.append(request)
            case.record_open(age)
            case.record_open_impact(request.route, age, new=True)

    def check(self, case: _Hang) -> Verdict:
        return Verdict.WARN if case.open else Verdict.OK

    def explains(self, case: _Hang) -> Iterable[Subject]:
        """Its requests, and what is exhausted because others keep it."""
        stands = case.stands
        group = stands.taken.group if stands.taken is not None else stands.full
        return case.requests if group is None else (*case.requests, group)

    def advice(self, case: _Hang, source: str) -> str:
        if (taken := case.stands.taken) is not None:
            return _GIVE_BACK if counts_threads(taken.group) else self.info.cures[0]
        if _JOINS.search(source):
            return "call `task_done()` for every item, in `finally`: an error must not skip it"
        if case.stands.full is not None and self._is_in(case.requests[0], _RESULT):
            stack = self.context.stacks[case.requests[0].task]
            for_loop = any(frame.path.endswith(_FROM_THREADS) for frame in stack)
            return _ASYNC_DEF if for_loop else _OTHER_POOL
        if case.stands.what == _END_OF_PROCESS:
            return _READ_IT
        release, bound, set_it = self.info.cures
        kind = case.stands.kind
        if kind is not None and kind.family is Family.CONDITION:
            return "notify on every path, errors included"
        if _GOES_ON in case.stands.what:
            return "let the `CancelledError` pass: `raise` after the clean-up"
        if kind is None or not case.stands.what:
            return bound
        return release if kind.holdable else set_it

    def severe(self, case: _Hang) -> bool:
        return bool(case.open)

    def location(self, case: _Hang) -> Location | None:
        stands = case.stands
        return stands.taken.where if stands.taken and stands.taken.where else stands.where

    def sentence(self, case: _Hang, source: str) -> str:
        waited = duration_text(case.open_worst_ns)
        doing = f" for {case.stands.what}" if case.stands.what else ""
        if (taken := case.stands.taken) is not None:
            return self._answers(case, waited, doing + self._kept(case.stands, taken, source))
        doing += f" in {source}" if source else ""
        if (full := case.stands.full) is not None:
            doing += f"; {all_of(full.capacity).lower()} threads of "
            doing += f"{resource_name(self.context, full)} are taken like that"
        if joins := _JOINS.search(source):
            doing += ", which returns once task_done() was called for every item"
            doing += self._workers(joins[1])
        if case.stands.kind is not None and (nobody := _NOBODY.get(case.stands.kind.family)):
            doing += f" ({nobody})"
        return self._answers(case, waited, doing)

    # ----

    @staticmethod
    def _answers(case: _Hang, waited: str, doing: str) -> str:
        """The sentence: how many wait, for what, and how long the answered ones took."""
        if case.open == 1:
            text = f"A request of {case.label} has waited {waited} so far{doing}"
        else:
            text = f"{case.open} requests of {case.label} have waited up to {waited} so far"
            text += f", the oldest{doing}" if doing else ""
        if case.answered_ns:
            return (
                f"{text}; those that were answered took {duration_text(case.answered_ns)} at most"
            )
        return f"{text}; none was answered"

    def _kept(self, stands: _Waits, taken: _Taken, source: str) -> str:
        """Where they wait, and who keeps what they wait for."""
        at = quoted(self.context.naming.source(stands.where))
        kept = f", of which {taken.owner} has had one for "
        kept += duration_text(self._now - taken.since_ns)
        kept += f" in {source}" if source and taken.where is not None else ""
        return (f" in {at}" if at else "") + kept

    def _standing(self, stuck: list[Request], now: int) -> Iterator[int]:
        """The tasks of those that wait for no resource, and of younger ones of their routes."""
        live, routes = self.context.trace.tasks.live, {request.route for request in stuck}
        for request in islice(self.context.trace.requests.open.values(), OPEN if routes else 0):
            task = live.get(request.task)
            if request.route not in routes or task is None or task.waiting is not None:
                continue
            if now - task.end_ns >= HANGS_NS:
                yield task.number
        yield from (request.task for request in self.context.hangs.resting)

    def _stands(self, request: Request) -> _Waits:
        """What its task waits for, or else the task of it that has waited longest."""
        tasks = [t for t in self.context.trace.tasks.live.values() if t.request is request]
        if (job := self._queued(tasks)) is not None:
            return self._thread_for(job)
        waits = [wait for task in tasks if (wait := task.waiting) is not None]
        if not waits:
            line = self.context.stack_line(request.task)
            ends = self._is_in(request, *_PROCESS_ENDS)
            awaited = self._awaited(request.task)
            return self._job(tasks) or awaited or _Waits(_END_OF_PROCESS if ends else "", line)
        wait = min(waits, key=lambda wait: (wait.task.number != request.task, wait.began_ns))
        group = wait.resource.group
        what = "" if group.anonymous else resource_name(self.context, group)
        taken = self._taken(wait) if group.kind.pooled or counts_threads(group) else None
        return _Waits(what, self.context.place(wait.place), group.kind, taken)

    def _awaited(self, number: int) -> _Waits | None:
        """The task that it awaits, directly or through others, which has waited the longest."""
        context, last, seen = self.context, None, {number}
        while True:
            awaits = context.awaits.get(number)
            live = map(context.trace.tasks.live.get, awaits.tasks if awaits is not None else ())
            tasks = [task for task in live if task is not None and task.number not in seen]
            if not tasks:
                break
            last = min(tasks, key=lambda task: task.end_ns)
            number = last.number
            seen.add(number)
        if last is None:
            return None
        if self._goes_on(last.number):
            site = parse_site(context.awaits[last.number].place)
            return _Waits(f"{context.label(last)}, {_GOES_ON},", context.where(site))
        where = context.awaits_at(last)
        return _Waits(context.label(last), where) if where is not None else None

    def _uncancelled(self, number: int) -> bool:
        """Whether it awaits a task that has been cancelled and goes on."""
        awaits = self.context.awaits.get(number)
        return awaits is not None and any(map(self._goes_on, awaits.tasks))

    def _goes_on(self, number: int) -> bool:
        known = self.context.awaits.get(number)
        return known is not None and known.cancelled and bool(known.place)

    def _queued(self, tasks: list[Task]) -> Job | None:
        """The oldest job of theirs, if no worker has taken it up since all had one."""
        jobs = (job for job in self.context.trace.jobs.open.values() if job.task in tasks)
        job = next(jobs, None)
        return job if job is not None and job.full and not job.started_ns else None

    def _thread_for(self, job: Job) -> _Waits:
        """It waits for a thread that others have."""
        context, group = self.context, job.resource.group
        executor = context.trace.jobs.executors.get(job.resource.number)
        running = executor.running.values() if executor is not None else ()
        kept = [one for one in running if one.task is not None and not self._stands_still(one.task)]
        taken = None
        if kept:
            first = min(kept, key=lambda one: one.started_ns)
            assert first.task is not None
            where = context.place(first.place) or context.stack_line(first.task.number)
            taken = _Taken(group, context.owner(first.task), first.started_ns, where)
        where = context.stack_line(job.task.number) if job.task is not None else None
        return _Waits(f"a thread of {resource_name(context, group)}", where, group.kind, taken)

    def _taken(self, wait: Wait) -> _Taken | None:
        """Who has had what the task waits for the longest, unless all who have it hang, too."""
        for hold in wait.resource.holders.values():
            task = hold.task
            if task is None or task.ended_ns or self._stands_still(task):
                continue
            where = self.context.place(hold.place) or self.context.stack_line(task.number)
            return _Taken(wait.resource.group, self.context.owner(task), hold.since_ns, where)
        return None

    def _stands_still(self, task: Task) -> bool:
        return task.request is not None and task.request in self.context.hanging(self._now)

    def _is_named(self, group: ResourceGroup, name: str) -> bool:
        """Whether that is its name, or the line that made it gave it to a variable of that name."""
        made = self.context.naming.source(self.context.where(group.site))
        return group.name == name or re.match(rf"(\w+\.)*{name}\s*[:=]", made) is not None

    def _workers(self, name: str) -> str:
        """What those who take items from the queue of that name do; empty: it is not known."""
        resources = self.context.trace.resources
        queues = [
            group
            for group in resources.groups.values()
            if group.kind.family is Family.QUEUE and self._is_named(group, name)
        ]
        if len(queues) != 1 or queues[0].in_use:
            return ""
        (queue,) = queues
        takers = [wait for wait in resources.waits if wait.idle and wait.resource.group is queue]
        if not takers:
            return ""
        where = self.context.place(takers[0].place)
        who = "its worker waits" if len(takers) == 1 else f"its {len(takers)} workers wait"
        at = f" at {where.file}:{where.line}" if where is not None else ""
        return f": all were taken, not all were marked done, and {who} for the next one{at}"

    def _job(self, tasks: list[Task]) -> _Waits | None:
        """The function that a thread runs for it, at the line where that thread is."""
        context = self.context
        for job in context.trace.jobs.open.values():
            if job.task is None or job.task not in tasks or not job.started_ns:
                continue
            where = context.stack_line(job.task.number) if job.awaited else None
            function = context.trace.site(job.place).name
            what = f"{function} in a thread" if function else "a thread"
            full = self._all_hang(job.resource)
            return _Waits(what, where or context.place(job.place), full=full)
        return None

    def _all_hang(self, executor: Resource) -> ResourceGroup | None:
        """The executor, if each of its threads runs a job of a request that hangs."""
        known = self.context.trace.jobs.executors.get(executor.number)
        tasks = [job.task for job in known.running.values()] if known is not None else []
        full = 0 < executor.capacity <= len(tasks)
        hang = all(task is not None and self._stands_still(task) for task in tasks)
        return executor.group if full and hang else None

    def _is_in(self, request: Request, *functions: str) -> bool:
        """Whether its task, or the thread that works for it, is in one of these functions."""
        stack = self.context.stacks.get(request.task, ())
        return any(frame.function in functions for frame in stack)
