"""Resources: who holds them, who waits for them, and since when."""

from loopviz.model.state.entities import Hold, Job, Resource, Task, Wait
from loopviz.model.state.observer import Observer
from loopviz.model.state.resource_groups import ResourceGroup
from loopviz.wire.events import WAIT_GET

__all__ = ["Resources"]

_INSTANCES = 10_000
"""How many resources are followed one by one; beyond, unused ones are forgotten."""
_GROUPS = 500
"""How many groups there are; beyond, resources of one kind share a group."""


class Resources:
    """All resources by number, and their groups."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self.groups: dict[str, ResourceGroup] = {}
        """By the text of their RESOURCE record."""
        self.live: dict[int, Resource] = {}
        self.waits: dict[Wait, None] = {}
        """The open ones, oldest first."""
        self._begun = 0

    def begin(self, at: int) -> None:
        """Starts peaks, means and waits anew."""
        self._begun = at
        for group in self.groups.values():
            group.begin(at)

    def introduce(
        self, at: int, resource_id: int, capacity: int, text: str, task: Task | None
    ) -> Resource | None:
        """RESOURCE. Returns the resource if it is new."""
        known = self.live.get(resource_id)
        resource = known or self._new(resource_id, text, at)
        if known is not None and resource.group.key != text:
            self._move(resource, text, at)
        resource.capacity = resource.group.capacity = capacity
        if known is not None:
            return None
        if task is not None:
            self.observer.resource_made(resource, task, at)
        return resource

    def find(self, resource_id: int, at: int) -> Resource:
        """The resource with that number; one that was not introduced is made up."""
        return self.live.get(resource_id) or self._new(resource_id, f"\t\t\t\t?{resource_id}", at)

    def wait(
        self,
        at: int,
        resource_id: int,
        direction: int,
        task: Task,
        place: int,
        job: Job | None = None,
    ) -> Wait:
        """WAIT, of the task or of that job, which it submitted."""
        resource = self.live.get(resource_id) or self.find(resource_id, at)
        wait = Wait(task, resource, place, at, direction == WAIT_GET, job)
        if job is None:
            task.waits.append(wait)
        else:
            if job.wait is not None:
                self.end(job.wait, at)
            job.wait = task.job_wait = wait
        self.waits[wait] = None
        resource.waiters[wait] = None
        if wait.idle:
            resource.group.idle += 1
        else:
            resource.group.change(at, 0, 1)
        self.observer.wait_began(wait)
        return wait

    def wait_over(self, at: int, resource_id: int, task: Task) -> None:
        """WAIT_OVER."""
        for wait in reversed(task.waits):
            if wait.resource.number == resource_id:
                self.give_up(wait, at)
                return

    def end(self, wait: Wait, at: int) -> None:
        """The wait has ended unseen."""
        self._end(wait, at, 0, gave_up=False)

    def give_up(self, wait: Wait, at: int) -> None:
        """The wait ends, and nothing is held."""
        self._end(wait, at, 0, gave_up=not wait.idle and wait.resource.group.kind.holdable)

    def acquired(
        self,
        at: int,
        resource_id: int,
        task: Task | None,
        in_use: int,
        place: int = 0,
        job: Job | None = None,
        *,
        holder: Task | None = None,
    ) -> None:
        """ACQUIRED, by the task or by that job, which it submitted; the task for that holder."""
        resource = self.live.get(resource_id) or self.find(resource_id, at)
        resource.group.units = True
        if job is not None:
            resource.in_threads = True
        if resource.in_threads:
            in_use = max(in_use, resource.held + 1)
        grown = in_use - resource.in_use
        resource.in_use = in_use
        wait = _open_wait(task, job, resource)
        if wait is not None:
            place = place or wait.place
            self._end(wait, at, grown, gave_up=False)
        elif grown:
            resource.group.change(at, grown, 0)
        task = holder or task
        key = -job.number if job is not None else task.number if task is not None else 0
        hold = resource.holders.get(key)
        if hold is None:
            hold = resource.holders[key] = Hold(task, resource, place, at, key, job)
            if task is not None:
                task.holds.append(hold)
        else:
            hold.units += 1
        if len(resource.holders) > in_use > 0:
            self._drop_oldest(resource, in_use, key)
        self.observer.acquired(hold)

    def released(
        self, at: int, resource_id: int, key: int, in_use: int, task: Task | None = None
    ) -> None:
        """RELEASED, by the task or job that `key` stands for (`Resource.holders`).

        `task`: that live task. If it holds none, it releases what another one had acquired.
        """
        resource = self.live.get(resource_id) or self.find(resource_id, at)
        resource.group.units = True
        holders = resource.holders
        hold = holders.get(key)
        if hold is None and holders and not resource.in_threads:
            hold = holders.get(0) or next(iter(holders.values()))
            if task is not None and hold.task is not None:
                resource.group.handed_over = True
        if resource.in_threads:
            in_use = max(in_use, resource.held - (hold is not None))
        grown = in_use - resource.in_use
        resource.in_use = in_use
        if grown:
            resource.group.change(at, grown, 0)
        if hold is None:
            return
        hold.units -= 1
        if not hold.units:
            self._drop(hold)
        if len(holders) > in_use:
            self._drop_oldest(resource, in_use)
        self.observer.released(hold, at)

    def queue_size(self, at: int, resource_id: int, items: int, task: "Task | None" = None) -> None:
        """QUEUE_SIZE."""
        resource = self.live.get(resource_id) or self.find(resource_id, at)
        grown, resource.in_use = items - resource.in_use, items
        if grown < 0:
            resource.take(at, task)
        resource.group.change(at, grown, 0)
        self.observer.queue_size(resource, at)

    def task_ended(self, task: Task, at: int) -> None:
        """Ends the task's waits."""
        for wait in (*reversed(task.waits),):
            self.give_up(wait, at)

    def jobs_gap(self, at: int) -> None:
        """Events of worker jobs were lost: what they wait for and hold is not known."""
        for wait in [wait for wait in self.waits if wait.job is not None]:
            self.end(wait, at)
        for resource in self.live.values():
            if resource.in_threads:
                for hold in [hold for hold in resource.holders.values() if hold.job is not None]:
                    self._drop(hold)

    def gap(self, at: int) -> None:
        """Events were lost: who waits and who holds is not known."""
        for wait in self.waits:
            wait.task.job_wait = None
            if wait.job is not None:
                wait.job.wait = None
        for resource in self.live.values():
            if resource.waiters:
                waiting = sum(not wait.idle for wait in resource.waiters)
                resource.group.idle -= len(resource.waiters) - waiting
                resource.group.change(at, 0, -waiting)
                resource.waiters.clear()
            resource.holders.clear()
        self.waits.clear()

    def forget_before(self, time: int) -> None:
        for group in self.groups.values():
            group.envelope.forget_before(time)
            if group.jobs is not None:
                group.jobs.envelope.forget_before(time)

    def _end(self, wait: Wait, at: int, in_use: int, *, gave_up: bool) -> None:
        """Ends the wait; `in_use` more units are in use."""
        resource, group = wait.resource, wait.resource.group
        if wait.job is None:
            wait.task.waits.remove(wait)
            if not wait.task.running:  # another task gave it a unit, or took it out of the queue
                wait.waited_ns += at - max(wait.task.end_ns, wait.began_ns)
        else:
            wait.job.wait = None
            wait.waited_ns = at - wait.began_ns
            if wait.task.job_wait is wait:
                wait.task.job_wait = None
        resource.waiters.pop(wait, None)
        self.waits.pop(wait, None)
        wait.ended_ns = at
        if wait.idle:
            group.idle -= 1
            if in_use:
                group.change(at, in_use, 0)
        else:
            group.change(at, in_use, -1)
            if gave_up:
                wait.gave_up = True
                group.gave_up += 1
                group.given_up.note(at - wait.began_ns)
            else:
                group.waited.note(at - wait.began_ns)
        self.observer.wait_over(wait)

    def _drop_oldest(self, resource: Resource, in_use: int, but: int = -1) -> None:
        """Drops the oldest holders, of which there are more than units: they released unseen."""
        for key in list(resource.holders)[: len(resource.holders) - in_use]:
            if key != but:
                self._drop(resource.holders[key])

    @staticmethod
    def _drop(hold: Hold) -> None:
        task = hold.task
        hold.resource.holders.pop(hold.key, None)
        if task is not None and hold in task.holds:
            task.holds.remove(hold)

    def _new(self, resource_id: int, text: str, at: int) -> Resource:
        group = self._group_of(text, at)
        group.instances += 1
        resource = self.live[resource_id] = Resource(resource_id, group)
        if len(self.live) > 2 * _INSTANCES:
            self._forget_unused()
        return resource

    def _group_of(self, text: str, at: int) -> ResourceGroup:
        group = self.groups.get(text)
        if group is None and len(self.groups) >= _GROUPS:
            kind = text.partition("\t")[0]
            text = f"{kind}\tother {kind}"
            group = self.groups.get(text)
        if group is None:
            group = self.groups[text] = ResourceGroup(text, at)
            self._tell_apart(group.name)
        return group

    def _tell_apart(self, name: str) -> None:
        """Notes which groups have that name in common."""
        same = [group for group in self.groups.values() if name and group.name == name]
        for group in same:
            group.namesakes = len(same) > 1

    def _move(self, resource: Resource, text: str, at: int) -> None:
        """Moves a renamed resource to its new group."""
        old = resource.group
        if old.instances == 1 and text not in self.groups:
            del self.groups[old.key]
            old.describe(text)
            for part in (old, old.jobs):  # its jobs may precede its introduction
                if part is not None:
                    part.since = max(min(part.since, at), self._begun)
            self.groups[text] = old
            self._tell_apart(old.name)
            return
        group = resource.group = self._group_of(text, at)
        if group is old:
            return
        waiting = sum(not wait.idle for wait in resource.waiters)
        idle = len(resource.waiters) - waiting
        for taker, sign in ((old, -1), (group, 1)):
            taker.instances += sign
            taker.idle += sign * idle
            taker.change(at, sign * resource.in_use, sign * waiting)
        if not old.instances:
            self.groups.pop(old.key, None)

    def _forget_unused(self) -> None:
        """Forgets unused resources, the oldest first."""
        unused = [resource_id for resource_id, resource in self.live.items() if resource.unused]
        for resource_id in unused[: len(self.live) - _INSTANCES]:
            del self.live[resource_id]


def _open_wait(task: Task | None, job: Job | None, resource: Resource) -> Wait | None:
    """The innermost open wait for the resource, of the job or else of the task."""
    if job is not None:
        return job.wait if job.wait is not None and job.wait.resource is resource else None
    for wait in reversed(task.waits) if task is not None else ():
        if wait.resource is resource:
            return wait
    return None
