"""Random programs that use asyncio in many ways, and the log of what they see of themselves.

Unlike those of `tests.support.programs`, which know how long each step takes, they cancel each
other, time out, raise, and interrupt the loop. Those with threads are not the same each time.
"""

import asyncio
import functools
import gc
import time
from contextlib import suppress
from contextvars import ContextVar, copy_context
from threading import Thread
from weakref import WeakKeyDictionary

from hypothesis import strategies as st

__all__ = ["World", "deterministic", "with_threads"]

EAGER = getattr(asyncio, "eager_task_factory", None)

ms = st.integers(0, 30)
which = st.integers(0, 4)
callbacks = st.sampled_from(
    ("function", "method", "builtin", "partial", "callable", "unhashable", "raises", "spawns")
)
interrupts = st.sampled_from((KeyboardInterrupt, SystemExit))
errors_of_programs = (ValueError, asyncio.CancelledError, GeneratorExit, StopAsyncIteration)
errors = st.sampled_from(errors_of_programs)
leaves = (
    st.tuples(st.just("sleep"), ms),
    st.tuples(st.just("block"), ms),
    st.tuples(st.just("yield_")),
    st.tuples(st.just("raise_"), errors),
    st.tuples(st.just("cancel"), which),
    st.tuples(st.just("join"), which),
    st.tuples(st.just("call_soon"), callbacks, st.booleans()),
    st.tuples(st.just("call_later"), ms, callbacks, st.booleans()),
    st.tuples(st.just("cancel_timers"), st.integers(1, 250)),
    st.tuples(st.just("future"), ms),
    st.tuples(st.just("generator"), which, which),
    st.tuples(st.just("put")),
    st.tuples(st.just("get")),
    st.tuples(st.just("lock"), ms),
    st.tuples(st.just("done_callback"), which, callbacks),
    st.tuples(st.just("context"), which),
    st.tuples(st.just("collect")),
    st.tuples(st.just("debug"), st.booleans()),
    st.tuples(st.just("run_handle"), callbacks),
)
interrupting = st.tuples(st.just("interrupt"), interrupts)
threads = (
    st.tuples(st.just("executor"), ms),
    st.tuples(st.just("thread"), st.integers(1, 30)),
    st.tuples(st.just("subloop"), st.integers(0, 20)),
    st.tuples(st.just("swap")),
)


def _programs(*ops):
    return st.recursive(
        st.lists(st.one_of(ops), max_size=5),
        lambda inner: st.lists(
            st.one_of(
                *ops,
                st.tuples(st.just("spawn"), inner),
                st.tuples(st.just("gather"), st.lists(inner, max_size=3), st.booleans()),
                st.tuples(st.just("wait_for"), inner, ms),
                st.tuples(st.just("timeout"), inner, ms),
                st.tuples(st.just("group"), st.lists(inner, max_size=3)),
                st.tuples(st.just("shield"), inner, ms),
            ),
            max_size=6,
        ),
        max_leaves=25,
    )


def _options(eager):
    return st.booleans() if eager and EAGER else st.just(False)


deterministic = st.tuples(_programs(*leaves, interrupting), _options(eager=True), st.booleans())
"""A program; whether its tasks are eager; whether the loop runs in a context of its own."""
with_threads = st.tuples(
    _programs(*leaves, interrupting, *threads), _options(eager=True), st.booleans()
)


class CallbackError(Exception):
    pass


class OrderedSet(dict):
    def add(self, item):
        self[item] = None

    def discard(self, item):
        self.pop(item, None)


class Unhashable:
    __hash__ = None

    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        self.function(*args)


VARIABLE = ContextVar("variable", default=0)


class World:
    """Runs one program in a loop; `log` has what happened, and when."""

    def __init__(self, loop, swap=lambda: None, subloop=lambda loop: loop.close):
        """`swap` changes the loop's probe; `subloop` watches another loop, returns its end."""
        self.loop, self.clock, self.log = loop, loop.clock, []
        self.swap, self.subloop = swap, subloop
        self.began, self.names = self.clock(), WeakKeyDictionary()

    def note(self, who, what):
        self.log.append((self.clock() - self.began, who, what, VARIABLE.get()))

    def run(self, program, eager, in_context):
        loop = self.loop
        loop.slow_callback_duration = 1e9
        loop.set_exception_handler(self.handle)
        if eager:
            loop.set_task_factory(EAGER)
        main = loop.create_task(self.main(program), name="main")
        run = functools.partial(loop.run_until_complete, main)
        while not main.done():
            try:
                copy_context().run(run) if in_context else run()
            except (KeyboardInterrupt, SystemExit) as error:
                self.note("loop", type(error).__name__)
        del main
        gc.collect()
        return self.log

    def handle(self, _loop, context):
        message = " ".join(context["message"].split()[:3])
        self.note(message, type(context.get("exception")).__name__)

    async def main(self, program):
        self.gate, self.queue = asyncio.Lock(), asyncio.Queue(1)
        await asyncio.wait([asyncio.ensure_future(self.task("0", program))])
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in sorted(others, key=self.order):
            task.cancel()
        while others := [task for task in others if not task.done()]:
            await asyncio.wait(others)
        await self.loop.shutdown_asyncgens()

    def order(self, task):
        """Of tasks; those that asyncio has made for itself have only a number, in their name."""
        return self.names.get(task, ""), len(task.get_name()), task.get_name()

    async def task(self, who, program):
        self.names[asyncio.current_task()] = who
        children = []
        self.note(who, "starts")
        try:
            for at, (op, *rest) in enumerate(program):
                here = f"{who}.{at}"
                self.note(here, op)
                self.note(here, await getattr(self, op)(here, children, *rest))
        finally:
            self.note(who, "ends")

    def tasks(self, who, programs):
        return [self.task(f"{who}.{at}", program) for at, program in enumerate(programs)]

    # ---- what a task may do

    async def sleep(self, who, children, ms):
        await asyncio.sleep(ms / 1000)

    async def block(self, who, children, ms):
        time.sleep(ms / 1000)

    async def yield_(self, who, children):
        await asyncio.sleep(0)

    async def raise_(self, who, children, error):
        raise error(who)

    async def interrupt(self, who, children, error):
        self.loop.call_soon(self.raise_it, error(who))

    async def spawn(self, who, children, program):
        children.append(asyncio.create_task(self.task(who, program)))

    async def cancel(self, who, children, which):
        return which < len(children) and children[which].cancel()

    async def join(self, who, children, which):
        if which < len(children):
            await asyncio.wait([children[which]])

    async def gather(self, who, children, programs, return_exceptions):
        return await self.outcome(
            asyncio.gather(*self.tasks(who, programs), return_exceptions=return_exceptions)
        )

    async def wait_for(self, who, children, program, ms):
        return await self.outcome(asyncio.wait_for(self.task(who, program), ms / 1000))

    async def timeout(self, who, children, program, ms):
        async def within():
            async with asyncio.timeout(ms / 1000):
                await self.task(who, program)

        return await self.outcome(within())

    async def group(self, who, children, programs):
        async def within():
            async with asyncio.TaskGroup() as group:
                group._tasks = OrderedSet()  # of which it cancels each
                for task in self.tasks(who, programs):
                    group.create_task(task)

        return await self.outcome(within())

    async def shield(self, who, children, program, ms):
        task = asyncio.ensure_future(self.task(who, program))
        children.append(task)
        return await self.outcome(asyncio.wait_for(asyncio.shield(task), ms / 1000))

    async def outcome(self, awaitable):
        try:
            await awaitable
        except (*errors_of_programs, TimeoutError, BaseExceptionGroup) as error:
            return type(error).__name__
        return "returned"

    async def call_soon(self, who, children, kind, cancel):
        handle = self.loop.call_soon(*self.callback(who, kind))
        if cancel:
            handle.cancel()
        return isinstance(handle, asyncio.Handle), handle.cancelled(), bool(repr(handle))

    async def call_later(self, who, children, ms, kind, cancel):
        handle = self.loop.call_later(ms / 1000, *self.callback(who, kind))
        if cancel:
            handle.cancel()

    async def cancel_timers(self, who, children, count):
        for handle in [self.loop.call_later(3, self.note, who, "never") for _ in range(count)]:
            handle.cancel()

    async def run_handle(self, who, children, kind):
        handle = self.loop.call_soon(*self.callback(who, kind))
        handle._run()
        copy_context().run(handle.cancel)

    async def future(self, who, children, ms):
        future = self.loop.create_future()
        self.loop.call_later(ms / 1000, lambda: future.done() or future.set_result(ms))
        return await future

    async def generator(self, who, children, count, end):
        async def numbers():
            try:
                for at in range(count):
                    yield at
                    await asyncio.sleep(0)
            finally:
                self.note(who, "closed")

        async for at in numbers():
            if at == end:
                break

    async def put(self, who, children):
        with suppress(TimeoutError):
            await asyncio.wait_for(self.queue.put(who), 0.02)

    async def get(self, who, children):
        with suppress(TimeoutError):
            return await asyncio.wait_for(self.queue.get(), 0.02)

    async def lock(self, who, children, ms):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await self.gate.acquire()
            try:
                await asyncio.sleep(ms / 1000)
            finally:
                self.gate.release()

    async def done_callback(self, who, children, which, kind):
        if which < len(children):
            function, *args = self.callback(who, kind)
            children[which].add_done_callback(lambda _: function(*args))

    async def context(self, who, children, value):
        VARIABLE.set(value)
        own = copy_context()
        own.run(VARIABLE.set, -value)
        self.loop.call_soon(self.note, who, "in a context", context=own)
        await asyncio.sleep(0)
        return VARIABLE.get() == value

    async def collect(self, who, children):
        gc.collect()

    async def debug(self, who, children, on):
        self.loop.set_debug(on)

    # ---- with threads, so that no two runs are the same

    async def executor(self, who, children, ms):
        await self.loop.run_in_executor(None, self.note, who, "in a thread")

    async def thread(self, who, children, count):
        done = self.loop.create_future()

        def call():
            for _ in range(count):
                self.loop.call_soon_threadsafe(self.note, who, "from a thread")
            self.loop.call_soon_threadsafe(lambda: done.done() or done.set_result(None))

        thread = Thread(target=call)
        thread.start()
        await done
        thread.join()

    async def subloop(self, who, children, count):
        async def turn():
            for _ in range(count):
                await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

        def run():
            with asyncio.Runner() as runner:
                end = self.subloop(runner.get_loop())
                runner.run(turn())
                end()

        await self.loop.run_in_executor(None, run)

    # ---- callbacks

    def callback(self, who, kind):
        """A function and its arguments."""
        return {
            "function": (lambda: self.note(who, "called"),),
            "method": (self.note, who, "called"),
            "builtin": (self.log.append, (0, who, "appended", 0)),
            "partial": (functools.partial(self.note, who), "called"),
            "callable": (Caller(self.note), who, "called"),
            "unhashable": (Unhashable(self.note), who, "called"),
            "raises": (self.raise_it, CallbackError(who)),
            "spawns": (self.make_task, who),
        }[kind]

    def raise_it(self, error):
        raise error

    def make_task(self, who):
        self.loop.create_task(self.task(who, [("yield_",)]))


class Caller:
    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        self.function(*args)
