"""A generator by itself, over a lane without a service: calls are made and timed by when they were due."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from bench.load import worker
from bench.load.figures import Outcome, Report, Said, Second
from bench.load.lanes import COLLECT, CONFIRM, READY, RELEASE, RESERVE, Answer, Op
from bench.load.profile import Profile, arrivals, constant
from bench.load.traffic import Mix, Places
from bench.load.worker import Job, Told, Worker
from tests.runtime.loop_time import JumpingLoop

RATE = 100.0
PLACES = Places(("S1", "S2"), 5)


@dataclass
class Clock:
    """The loop's time, and what a stall has taken that no loop can skip."""

    stalled: float = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.stalled


@dataclass
class Nowhere:
    """Answers after so many seconds; its first call stalls everything for a time."""

    clock: Clock
    stall_s: float = 0.0
    takes_s: float = 0.0
    asked: list[Op] = field(default_factory=list)

    async def ask(self, ops: Sequence[Op]) -> Sequence[Answer]:
        if not self.asked:
            self.clock.stalled += self.stall_s
        self.asked += ops
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(self.takes_s, answered.set_result, None)
        await answered
        return [Answer(Said.ACCEPTED, "", "S1:7", (("S1", 7),)) for _ in ops]

    async def watch(self, store_ids: Sequence[str], heed: Callable[[], None]) -> None: ...

    async def close(self) -> None: ...


def loaded(profile: Profile, mix: Mix, lane: Nowhere) -> tuple[Second, Told]:
    """All seconds together, and what was told."""
    reports: list[Report] = []

    async def main() -> Told:
        job = Job("", "client", profile, mix, PLACES, "run", "seed")
        return await Worker(job, lane, reports.append, clock=lane.clock).run(lane.clock())

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        told = runner.run(main())
    all_of = Second()
    for report in reports:
        for second in report.seconds.values():
            all_of.add(second)
    return all_of, told


def test_a_stall_is_felt_by_all_who_would_have_called_during_it() -> None:
    profile, lane = constant(RATE, 2.0), Nowhere(Clock(), stall_s=1.0)
    all_of, _ = loaded(profile, Mix(), lane)
    first, *later = arrivals(profile, "seed")
    felt = [first + 1.0 - due for due in later if due < first + 1.0]
    latencies, lag = all_of.of([RESERVE]), all_of.lag
    for found, longest in ((latencies, 1.0), (lag, max(felt))):
        assert found.count == len(later) + 1
        assert found.ms(1.0) == pytest.approx(1_000 * longest, rel=0.02)
    median = sorted([1.0, *felt])[len(felt) // 2]
    waited = (len(felt) - len(felt) // 2) / latencies.count  # the share that waited longer than their median
    assert latencies.ms(1 - waited) == pytest.approx(1_000 * median, rel=0.1)


def test_calls_come_whether_or_not_anything_is_answered_and_are_due_when_they_are() -> None:
    profile, lane = constant(RATE, 2.0), Nowhere(Clock(), takes_s=5.0)
    all_of, told = loaded(profile, Mix(), lane)
    assert len(lane.asked) == all_of.due == told.accepted == len(list(arrivals(profile, "seed")))
    assert all_of.of().ms(0.5) == pytest.approx(5_000, rel=0.01)
    assert all_of.lag.ms(1.0) <= 1_000 * worker.NAP_S


def test_what_is_not_answered_in_the_end_has_no_outcome_that_anybody_knows() -> None:
    all_of, told = loaded(constant(RATE, 1.0), Mix(), Nowhere(Clock(), takes_s=1_000.0))
    assert set(all_of.outcomes) == {Outcome(RESERVE, Said.NO_ANSWER, "at the end")}
    assert (told.accepted, told.unknown) == (0, all_of.due)


def test_beyond_what_may_be_unanswered_nothing_is_sent_and_that_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "OUTSTANDING_MAX", 3)
    lane = Nowhere(Clock(), takes_s=5.0)
    all_of, _ = loaded(constant(RATE, 1.0), Mix(), lane)
    assert len(lane.asked) == all_of.count(Said.ACCEPTED) == 3
    assert all_of.count(Said.NOT_SENT) == all_of.due - 3 > 0


def test_customers_go_on_after_they_have_thought_and_keys_are_never_the_same() -> None:
    lane = Nowhere(Clock())
    all_of, told = loaded(constant(RATE, 20.0), Mix(confirmed=0.5, released=0.2, think_s=0.5), lane)
    made = {kind: all_of.count(Said.ACCEPTED, kinds=[kind]) for kind in (RESERVE, CONFIRM, READY, COLLECT, RELEASE)}
    assert made[CONFIRM] == pytest.approx(0.5 * made[RESERVE], rel=0.15)
    assert made[RELEASE] == pytest.approx(0.2 * made[RESERVE], rel=0.2)
    assert made[CONFIRM] >= made[READY] >= made[COLLECT] > 0.8 * made[CONFIRM]
    assert told.accepted == made[RESERVE]
    assert len({op.key for op in lane.asked}) == len(lane.asked)
    assert all(op.named == "S1:7" for op in lane.asked if op.kind != RESERVE)
