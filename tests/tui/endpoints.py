"""What the endpoints of some scenarios do, step by step: the plays of `simulation.World`."""

from collections import deque
from collections.abc import Generator

from loopviz.clock import MS
from loopviz.lab.catalogue import ScenarioInfo

US = MS // 1000

Steps = Generator[tuple, object, None]
"""What a request does: run, block the loop, sleep, acquire, release, a job, count, status."""


class Pool:
    """A resource of the world, with a queue in order of arrival."""

    def __init__(self, number: int, kind: str, capacity: int, name: str, made_at: str) -> None:
        self.number, self.kind, self.capacity = number, kind, capacity
        self.name, self.made_at = name, made_at
        self.in_use = 0
        self.waiting: deque[tuple[int, str]] = deque()


class Play:
    """What a scenario's endpoints do; `World` asks for the steps of each request."""

    def __init__(self, info: ScenarioInfo, world) -> None:
        self.world = world
        self.path = str(info.path)
        self.source = info.path.read_text().splitlines()

    def at(self, text: str, function: str = "", awaits: str = "") -> str:
        """The frame of the line that has the text in it, and what is awaited there."""
        line = next(n for n, row in enumerate(self.source, 1) if text in row)
        return f"{awaits}\t{self.path}\t{line}\t{function}"

    def serve(self, route: str, number: int) -> Steps:
        raise NotImplementedError


class Block(Play):
    """`time.sleep` in `async def`."""

    def serve(self, route, number):
        yield "run", 300 * US
        if route == "GET /report":
            line = self.at("        time.sleep(0.05)", "report")
            if "to_thread" in self.world.fixes or "plain_def" in self.world.fixes:
                yield "job", self.world.threads, 50 * MS, self.at("to_thread(", "report", "thread")
            elif self.world.fixes:
                yield "sleep", 50 * MS, self.at("asyncio.sleep(", "report", "sleep")
            else:
                yield "hold", int(self.world.random.uniform(48, 62) * MS), line
        yield "run", 200 * US


class DbPool(Play):
    """A connection is held while another service is awaited."""

    def __init__(self, info, world):
        super().__init__(info, world)
        made = self.at("engine = create_async_engine", "lifespan")
        self.pool = world.add(5, "sqlalchemy.pool", made)

    def serve(self, route, number):
        yield "run", 300 * US
        if route == "GET /order":
            place = self.at("engine).connect()", "orders_ahead", "future")
            if "shed" in self.world.fixes and self.pool.in_use == self.pool.capacity:
                yield "status", 503
            elif "limit" not in self.world.fixes or not self.pool.waiting:
                yield "acquire", self.pool, place
                yield "sleep", 2 * MS, self.at("connection.scalar(", "orders_ahead", "socket")
                yield "run", 200 * US
                if early := "release" in self.world.fixes:
                    yield "release", self.pool
                away = int(self.world.random.uniform(160, 260) * MS)
                yield "sleep", away, self.at("await other_service()", "orders_ahead", "sleep")
                if not early:
                    yield "release", self.pool
        yield "run", 200 * US


class Race(Play):
    """Reads a count, awaits, writes it back."""

    def __init__(self, info, world):
        super().__init__(info, world)
        self.lock = world.add(1, "asyncio.Lock", self.at("lock = asyncio.Lock()"), name="lock")
        self.stored = self.acknowledged = self.lost = 0

    def serve(self, route, number):
        yield "run", 200 * US
        if route == "POST /vote":
            place = self.at("await check_voter()  # … here", "vote", "sleep")
            locked = "lock" in self.world.fixes
            if locked:
                yield "acquire", self.lock, self.at("async with lock:", "vote", "future")
            count = self.stored
            yield "sleep", int(self.world.random.uniform(9, 14) * MS), place
            self.stored = self.stored + 1 if self.world.fixes else count + 1
            if locked:
                yield "release", self.lock
            self.acknowledged += 1
            self.lost = max(self.acknowledged - self.stored, self.lost)
            for key in ("acknowledged", "stored", "lost"):
                yield "count", key, getattr(self, key)
        yield "run", 150 * US


class Cpu(Play):
    """More work than a core can do: without a fix hardly anybody is answered."""

    def serve(self, route, number):
        yield "run", 300 * US
        if route == "GET /crunch":
            fixes = self.world.fixes
            line = self.at("        crunch(rounds)", "crunch_numbers")
            if "processes" in fixes:
                place = self.at("run_in_executor(pool", "crunch_numbers", "thread")
                yield "job", self.world.threads, 60 * MS, place
            elif "threads" in fixes:
                yield "hold", 110 * MS, line
            elif fixes:
                for _ in range(10):
                    yield "run", 8 * MS
                    yield "sleep", US, self.at("asyncio.sleep(0)", "crunch_numbers", "sleep")
            else:
                yield "hold", 120 * MS, line
        yield "run", 200 * US


class Stampede(Play):
    """Loads what somebody else has loaded, now and then."""

    def serve(self, route, number):
        world = self.world
        yield "run", 300 * US
        if route == "GET /price" and number % 5 == 0:
            yield "sleep", 200 * MS, self.at("await client.get(", "load", "socket")
            if not world.fixes or ("only_lock" in world.fixes and number % 2):
                self.needless += 1
                yield "count", "needless", self.needless
        yield "run", 200 * US

    needless = 0


class Workers(Play):
    """One fix makes it fast and forgets customers, the other remembers them."""

    recognised = forgotten = 0

    def serve(self, route, number):
        fixes = self.world.fixes
        yield "run", 300 * US
        if route == "GET /crunch":
            if "two_workers" in fixes:
                yield "sleep", 50 * MS, self.at("return crunch(rounds)", "crunch_numbers", "sleep")
            else:
                yield "hold", 50 * MS, self.at("return crunch(rounds)", "crunch_numbers")
        elif route == "POST /visits/{n}":
            if fixes == {"two_workers"} and number % 2:
                self.forgotten += 1
            else:
                self.recognised += 1
            yield "count", "recognised", self.recognised
            yield "count", "forgotten", self.forgotten
        yield "run", 200 * US


PLAYS = {
    "block": Block,
    "cpu": Cpu,
    "dbpool": DbPool,
    "race": Race,
    "stampede": Stampede,
    "workers": Workers,
}
