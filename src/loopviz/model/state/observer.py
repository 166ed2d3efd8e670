"""The events of a run as rules receive them: `Observer` has a method for each kind.

Calls come in the events' order. What a call hands over are the model's own live objects
(`Task`, `Request`, `Resource`, `ResourceGroup`, `Wait`, `Hold`, `Job`): read them, never change
them, and keep of them only what is bounded. Places are numbers: `model.trace.site(number)` gives
the parsed `Site` (`name`: what is awaited there, `sleep`, `socket`; `path`, `line`, `function`),
empty for 0. Times are integer nanoseconds.

    class LockConvoy(Observer):
        def wait_over(self, wait, at):
            if wait.ended_ns - wait.began_ns > …:
                groups[wait.resource.group.key] …

At a slower pace (`Model` asks ten times a second) read state instead: `model.trace.tasks`
(`live`: how many, by number), `model.trace.resources.groups`, `model.trace.requests.open`.
"""

from loopviz.model.state.entities import Hold, Job, Resource, Task, Wait
from loopviz.model.state.request import Request
from loopviz.model.state.stalls import Stall

__all__ = ["Observer"]


class Observer:
    """Receives what happens on the loop. Override what you need; none of it may raise."""

    def stall(self, stall: Stall) -> None:
        """A callback that blocked the loop for 20 ms or more has ended."""

    def victim(self, stall: Stall, request: Request, wait_ns: int, *, new: bool) -> None:
        """The request waited `wait_ns` for the loop because of that stall.

        `new`: that culprit had not delayed this request before.
        """

    def task_ended(self, task: Task, at: int) -> None:
        """A task ended, by itself, or destroyed while it was pending.

        `task.outcome`, `task.request` (the one it serves or works for, None), `task.serving`,
        `task.outlived_ns` (how much longer it lived than its parent; 0: it did not),
        `task.busy_ns`, `ready_ns`, `waiting_ns`, `waits` (open ones: of a destroyed task, what it
        waited for).
        """

    def never_retrieved(self, number: int, error: str, task: Task | None, at: int) -> None:
        """A task raised, and nobody retrieved it. `task` is None once it is forgotten."""

    def never_awaited(self, place: int, site: int, task: Task | None, at: int) -> None:
        """A coroutine of that site was destroyed that nobody had awaited.

        `place` made it, 0: not known. `task` was running.
        """

    def request_ended(self, request: Request, at: int) -> None:
        """A request ended. Lists have what it did, in order; `request.truncated`: they are cut.

        - `request.history`: its own task's waits `(start, end, place, resource's group or None)`
        - `request.calls`: outbound calls `(at, place, host, status)` of its task and children
        - `request.phases`: `RequestPhase`s
        - `request.gone_ns`: when its client left, 0: it stayed. `request.bytes_sent`
        - `request.made`: groups of resources made inside it; `request.task`: the serving task
        - `request.status` (0: none was sent); `request.failure`: the exception that went through
          the app, `(place, text)`, None if there was none
        - `request.cancelled`: its task was cancelled while it was open. Known only once the task
          ends, which is after this: see `task_ended` with `task.serving`
        """

    def resource_made(self, resource: Resource, task: Task, at: int) -> None:
        """A resource was made by a task's step; `task.request` is the request it was made in."""

    def wait_began(self, wait: Wait) -> None:
        """A task waits for a resource (it may yet get it without suspending).

        `wait.task`, `wait.resource` (`in_use`, `capacity`, `holders`, `waiters` as they are now,
        this wait included), `wait.resource.group`, `wait.place`, `wait.began_ns`, `wait.idle`
        (takes something out: what an idle consumer does).
        """

    def wait_over(self, wait: Wait) -> None:
        """The wait has ended: `wait.ended_ns`, `wait.gave_up` (True only where a unit can be held).

        Only the part in which its task was suspended is `wait.waited_ns`: neither time in which
        it ran, nor time in which it was ready.
        """

    def acquired(self, hold: Hold) -> None:
        """A task (`hold.task`, None: not known) holds a unit of `hold.resource`."""

    def released(self, hold: Hold, at: int) -> None:
        """It released one unit; `hold.units` are left.

        `hold.since_ns`; `hold.place` (where it got it, 0 if without a wait); `hold.waited_ns` (how
        long its task was suspended meanwhile: a lock held across I/O); `hold.longest` (place and
        group of the longest such wait, `(0, None)` if there was none).
        """

    def queue_size(self, resource: Resource, at: int) -> None:
        """A queue's size changed: `resource.in_use` items, `resource.capacity` (0: unbounded)."""

    def job_ended(self, job: Job) -> None:
        """A worker job ended: `job.submitted_ns`, `started_ns`, `ended_ns`, `outcome`, `task`.

        `job.work` counts running (`in_use`) and queued (`waiting`) jobs of `job.resource.group`,
        which may be a limiter with units of its own: `group.shown` is what the screen shows.
        """

    def http_call(self, task: Task | None, place: int, host: str, status: int, at: int) -> None:
        """An outbound HTTP call ended; status 0: it failed."""

    def client_disconnected(self, request: Request, at: int) -> None:
        """The client of an open request went away."""

    def gap(self) -> None:
        """Events were lost: whatever was open (waits, holds, requests) is forgotten."""
