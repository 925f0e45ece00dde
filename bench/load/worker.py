"""One generator: makes calls when they are due, whatever becomes of those before, and tells what came of them.

How late it calls is told as well. At its end it takes no more arrivals, waits for the answers that are open, and says
what it was told: the events that must be in the feeds, and how many reservations nobody knows of.
"""

import asyncio
import heapq
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import monotonic, process_time
from typing import Final, NamedTuple

from bench.load.figures import Gathering, Outcome, Report, Said
from bench.load.lanes import MAKING, ORDER, STREAM, Answer, Lane, Op, Via
from bench.load.profile import Profile, arrivals
from bench.load.traffic import Mix, Places, Traffic, batch_of
from holdfast.client import HoldfastError

REPORT_S: Final = 0.5
DRAIN_S: Final = 12.0  # longer than a call's deadline
OUTSTANDING_MAX: Final = 20_000  # arrivals that wait for their answers; those beyond are not sent
NAP_S: Final = 0.005  # after which it looks whether a customer has come back meanwhile
AT_ONCE: Final = 64  # calls that are made before the loop may look for answers


@dataclass(frozen=True, slots=True)
class Job:
    """What one generator of `of` is to do. It begins at second 0, which the fleet says when all are ready."""

    target: str
    via: Via
    profile: Profile
    mix: Mix
    places: Places
    run: str
    seed: str
    index: int = 0
    of: int = 1
    batch: int = 1
    is_even: bool = False


class Told(NamedTuple):
    """What callers were told: versions that must be in the feeds, by ledger; reservations made, and those of unknown
    outcome.
    """

    versions: dict[str, "array[int]"]
    accepted: int
    unknown: int

    def made(self, ledger: str) -> "array[int]":
        return self.versions.get(ledger, array("q"))


@dataclass(slots=True)
class Worker:
    """Does one job over a lane. `report` hears what is new, `over` ends it early."""

    job: Job
    lane: Lane
    report: Callable[[Report], None]
    over: asyncio.Event = field(default_factory=asyncio.Event)
    clock: Callable[[], float] = monotonic
    _gathering: Gathering = field(default_factory=Gathering)
    _versions: defaultdict[str, "array[int]"] = field(default_factory=lambda: defaultdict(lambda: array("q")))
    _made: Counter[Said] = field(default_factory=Counter)
    _unanswered: set[asyncio.Task[None]] = field(default_factory=set)
    _later: list[tuple[float, int, Op]] = field(default_factory=list)
    _places: Iterator[int] = field(default_factory=count)
    _began: float = 0.0
    _traffic: Traffic = field(init=False)

    def __post_init__(self) -> None:
        job = self.job
        batch = batch_of(job.via, job.batch)
        self._traffic = Traffic(job.mix, job.places, run=job.run, seed=job.seed, index=job.index, batch=batch)

    async def run(self, begins: float) -> Told:
        """All of the profile from an instant of the monotonic clock on; what callers were told."""
        self._began = begins
        telling = asyncio.ensure_future(self._tell())
        mine = range(self.job.index, self.job.mix.streams, self.job.of)
        watching = [asyncio.ensure_future(self._watch()) for _ in mine]
        try:
            await self._send()
            if self._unanswered:
                await asyncio.wait(self._unanswered, timeout=DRAIN_S)
            for late in list(self._unanswered):
                late.cancel()
            await asyncio.gather(*self._unanswered, return_exceptions=True)
        finally:
            for each in (telling, *watching):
                each.cancel()
            await asyncio.gather(telling, *watching, return_exceptions=True)
        self._report()
        return Told(dict(self._versions), self._made[Said.ACCEPTED], self._made[Said.NO_ANSWER])

    async def _send(self) -> None:
        job, batch = self.job, batch_of(self.job.via, self.job.batch)
        profile = Profile(tuple((second, rate / batch) for second, rate in job.profile.points))
        coming = arrivals(profile, job.seed, job.index, job.of, even=job.is_even)
        arrival, made = next(coming, None), 0
        while not self.over.is_set():
            due = min(
                arrival if arrival is not None else float("inf"), self._later[0][0] if self._later else float("inf")
            )
            now = self.clock() - self._began
            if due >= profile.seconds and now >= profile.seconds:
                return  # what customers would do after the end, they do not
            if due > now:
                await asyncio.sleep(min(due - now, NAP_S))
                continue
            if due == arrival:
                self._launch(self._traffic.arrival(), due)
                arrival = next(coming, None)
            else:
                self._launch((heapq.heappop(self._later)[2],), due)
            made += 1
            if made % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _launch(self, ops: Sequence[Op], due: float) -> None:
        self._gathering.sent(due, self.clock() - self._began - due, len(ops))
        if len(self._unanswered) >= OUTSTANDING_MAX:
            self._gathering.answered(due, 0.0, Outcome(ops[0].kind, Said.NOT_SENT), len(ops))
            return
        call = asyncio.ensure_future(self._ask(ops, due))
        self._unanswered.add(call)
        call.add_done_callback(self._unanswered.discard)

    async def _ask(self, ops: Sequence[Op], due: float) -> None:
        try:
            answers = await self.lane.ask(ops)
        except asyncio.CancelledError:
            answers = [Answer(Said.NO_ANSWER, "at the end")] * len(ops)
        took = self.clock() - self._began - due
        for outcome, times in Counter(map(_outcome, ops, answers)).items():
            self._gathering.answered(due, took, outcome, times)
        for op, answer in zip(ops, answers, strict=True):
            self._heed(op, answer, due + took)

    def _heed(self, op: Op, answer: Answer, now: float) -> None:
        """Keep what was told, and let the customer go on."""
        for ledger, version in answer.events:
            self._versions[ledger].append(version)
        if op.kind in MAKING:
            self._made[answer.said] += max(1, len(answer.events)) if op.kind == ORDER else 1
        if answer.said is Said.ACCEPTED and (coming := self._traffic.next_of(op, answer)) is not None:
            wait_s, following = coming
            heapq.heappush(self._later, (now + wait_s, next(self._places), following))

    async def _watch(self) -> None:
        """Follow the shops; that a stream has ended for good is told as a failure."""

        def changed() -> None:
            self._gathering.noted(self.clock() - self._began, Outcome(STREAM, Said.ACCEPTED))

        while True:
            try:
                await self.lane.watch(self.job.places.store_ids, changed)
                return
            except HoldfastError as error:
                now = self.clock() - self._began
                self._gathering.noted(now, Outcome(STREAM, Said.FAILED, type(error).__name__))
            await asyncio.sleep(REPORT_S)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            self._report()

    def _report(self) -> None:
        self.report(Report(self.job.index, self._gathering.taken(), process_time(), len(self._unanswered)))


def _outcome(op: Op, answer: Answer) -> Outcome:
    return Outcome(op.kind, answer.said, answer.why)
