"""A scenario's run against one service: its own or one at an address. It brings the shops, has generators do one stage
after another, shows what is going on, and in the end holds everything that was told against the journals.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar
from uuid import uuid4

from bench import service as processes
from bench.load import chain, knee
from bench.load.figures import Report
from bench.load.fleet import Fleet, fleet
from bench.load.lanes import Via
from bench.load.profile import constant
from bench.load.proof import prove
from bench.load.run import Ran, Sample, Stage
from bench.load.traffic import Mix, Places, stock_of
from bench.load.worker import Job
from bench.record import Conservation
from bench.samples import UNITS
from bench.service import CHAIN_FILE, serving
from holdfast.client import ChannelClient

SAMPLE_S: Final = 1.0
WARM_S: Final = 2.0
STEP_S: Final = 4.0
SERVING_MS: Final = 60_000
NO_SHOPS: Final = "stores: []\n"
RUN_DIGITS: Final = 8
QUICK_STEPS: Final = 4

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is asked for. `target` empty starts a service of its own, with its journals in `scratch`. `seconds` is
    the length of a stage, 0 leaves it to the scenario; so does `rate` 0, in arrivals a second: then the knee is looked
    for. `brief` is one scenario of several.
    """

    scratch: Path
    target: str = ""
    seed: int = 2017
    generators: int = 1
    via: Via = "client"
    quick: bool = False
    seconds: float = 0.0
    rate: float = 0.0
    store_actors: int = 1
    brief: bool = False

    @property
    def warm_s(self) -> float:
        """Seconds of a stage that are not counted."""
        return 1.0 if self.quick or self.brief else WARM_S

    @property
    def step_s(self) -> float:
        """Seconds of a step of a search that are counted."""
        return self.length(STEP_S / 2 if self.brief else STEP_S)

    def length(self, full: float, quick: float = 1.0) -> float:
        """Seconds of a stage that takes `full` unless something else was asked for."""
        return quick if self.quick else self.seconds or full

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


class Over(Exception):
    """Ctrl-C: the scenario ends with what it has."""


class NeedsItsOwn(Exception):
    """The scenario does what nobody may do to a service that is not the run's own."""


class Stopping:
    """Whether to come to an end: Ctrl-C says so once; a second one ends the run at once."""

    def __init__(self) -> None:
        self.is_set = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """While this lasts, the signals mean that."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._hear) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_set:
            raise KeyboardInterrupt
        self.is_set = True


class Plan(NamedTuple):
    """What a scenario needs to be there: so many shops, SKUs in each where these are drawn, and stock for its mixes; of
    a service of its own a policy as YAML, and options of `holdfast serve`.
    """

    stores: int
    skus: int
    mixes: Sequence[Mix]
    policy: str = ""
    options: Sequence[str] = ()


Fault: TypeAlias = tuple[float, str, Callable[[], None]]
"""When, as a second of its stage, what, and how to."""


@dataclass(slots=True)
class Session:
    """What scenarios run their stages in. `steps` are those that measure nothing by themselves: they warm, fill or
    search. `stock` are the run's shops and their SKUs; `undoing` is done before these
    are put away.
    """

    asked: Asked
    target: str
    mark: str
    fleet: Fleet
    places: Places
    stock: chain.Stock
    run: str
    say: Callable[[str], None]
    stopping: Stopping
    before: dict[str, int] = field(default_factory=dict)
    ran: list[Ran] = field(default_factory=list)
    searches: dict[str, list[knee.Point]] = field(default_factory=dict)
    steps: list[Ran] = field(default_factory=list)
    undoing: list[Callable[[ChannelClient], Awaitable[object]]] = field(default_factory=list)
    now: Ran | None = None
    second: float = 0.0
    _faults: list[Fault] = field(default_factory=list)
    _sampled: float = 0.0
    _zero: float = 0.0

    def do(self, stage: Stage, faults: Sequence[Fault] = ()) -> Ran:
        """One stage, and faults when it is time for them. Raises Over after Ctrl-C."""
        if self.stopping.is_set:
            raise Over
        ran = self.now = Ran(stage)
        self.ran.append(ran)
        self._faults, self._sampled = sorted(faults, key=lambda each: each[0]), -SAMPLE_S
        job = Job(
            target=self.target,
            via=stage.via,
            profile=stage.profile,
            mix=stage.mix,
            places=self.places,
            run=f"{self.run}-{len(self.ran)}",
            seed=f"{self.asked.seed}:{stage.name}",
            batch=stage.batch,
            is_even=stage.is_even,
        )
        ran.told = self.fleet.run(job, self._heed, self._tick, lambda: self.stopping.is_set)
        ran.is_whole = not self.stopping.is_set
        self._sample()
        self.say(told_of(ran))
        if self.stopping.is_set:
            raise Over
        return ran

    def find_knee(
        self, name: str, mix: Mix, via: Via, *, first: float, seconds: float, warm_s: float, batch: int = 1
    ) -> knee.Knee:
        """Steps of ever other rates until it is known, of which each was a stage; or the rate that was asked for."""
        if self.asked.rate:
            return knee.Knee(self.asked.rate, "as asked for", is_generators=False)

        self.searches[name] = []
        # What a service does for the first time takes longer, and is nobody's knee.
        self.steps.append(self.do(Stage(f"{name}, warming", constant(first / 2, 1 + warm_s), mix, via, batch)))

        def step(rate: float) -> knee.Point:
            stage = Stage(f"{name}, {rate:,.0f}/s", constant(rate, warm_s + seconds), mix, via, batch, warm_s)
            ran = self.do(stage)
            self.steps.append(ran)
            self.searches[name].append(ran.point())
            return self.searches[name][-1]

        found = knee.knee_of(knee.find(step, first, QUICK_STEPS if self.asked.quick else knee.STEPS_MAX))
        self.say(f"{name}: the knee is at {found.rate:,.0f}/s{': then ' + found.why if found.why else ' or above'}")
        return found

    def _heed(self, report: Report) -> None:
        if self.now is not None:
            self.now.heed(report, monotonic() - self._zero)

    def _tick(self, second: float) -> None:
        self.second, self._zero = second, monotonic() - second
        if second - self._sampled >= SAMPLE_S:
            self._sample()
        while self._faults and self._faults[0][0] <= second:
            _, what, strike = self._faults.pop(0)
            if self.now is not None:
                self.now.marks.append((second, what))
            self.say(f"  {what}")
            strike()

    def _sample(self) -> None:
        self._sampled = self.second
        if self.mark and self.now is not None:
            self.now.samples.append(Sample(self.second, processes.usage(self.mark)))

    def ask(self, use: Callable[[ChannelClient], Coroutine[Any, Any, T]]) -> T:
        """Use a patient client for a moment."""

        async def main() -> T:
            async with ChannelClient(self.target, timeouts=chain.PATIENT) as client:
                return await use(client)

        return asyncio.run(main())

    def conserved(self) -> Conservation:
        self.say("verifying every journal, and reading every feed ...")
        told = [each for ran in self.ran for each in ran.told]
        return self.ask(lambda client: prove(client, self.target, self.before, told))

    def put_away(self) -> chain.Left:
        """Leave nothing behind in a service that is not the run's own."""

        async def away(client: ChannelClient) -> chain.Left:
            for undo in self.undoing:
                await undo(client)
            return await chain.put_away(client, self.stock)

        return self.ask(away)


def told_of(ran: Ran) -> str:
    """One line about a stage."""
    figures = ran.figures()
    late = "; THE GENERATOR WAS LATE" if ran.late() else ""
    said = f"{ran.stage.name}: {figures['per_s']:,.0f}/s of {figures['asked_per_s']:,.0f}/s"
    return f"{said}, p50 {figures['p50_ms']:,.1f}, p99 {figures['p99_ms']:,.1f} ms{late}"


@contextmanager
def session(asked: Asked, plan: Plan, say: Callable[[str], None], stopping: Stopping) -> Iterator[Session]:
    """A service with the shops of a run, and generators. Raises ServiceFailed, HoldfastError where it is not there."""
    stores = plan.stores
    run = uuid4().hex[:RUN_DIGITS]
    places = Places(chain.names(run, stores), plan.skus, asked.seed, asked.size(0, 500) or None)
    stock: dict[str, dict[str, None]] = {store_id: {} for store_id in places.store_ids}
    for mix in plan.mixes:
        for store_id, needed in stock_of(places, mix).items():
            stock[store_id].update(dict.fromkeys(needed))
    whole = {store_id: tuple(needed) for store_id, needed in stock.items()}
    with ExitStack() as started:
        target, mark = asked.target, ""
        if not target:
            say("starting a service ...")
            (asked.scratch / CHAIN_FILE).write_text(NO_SHOPS + plan.policy, encoding="utf-8")
            target, mark, _ = started.enter_context(serving(asked.scratch, asked.store_actors, *plan.options))
        generators = started.enter_context(fleet(asked.generators))
        opened = Session(asked, target, mark, generators, places, whole, run, say, stopping)

        async def bring(client: ChannelClient) -> dict[str, int]:
            await client.wait_until_serving(timeout_ms=SERVING_MS)
            await chain.bring(client, run, whole, UNITS)
            return await chain.versions(client, whole)

        positions = sum(map(len, whole.values()))
        say(f"bringing {stores:,} shops with {positions:,} positions, {places.store_ids[0]} and on ...")
        opened.before = opened.ask(bring)
        yield opened
