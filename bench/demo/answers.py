"""What the callers were told: every answer by its call, how long each took, and what was said to repeats."""

import asyncio
from collections import Counter
from enum import Enum
from time import perf_counter_ns, time
from typing import Final, Generic, TypeVar
from zlib import crc32

from hdrh.histogram import HdrHistogram

from bench.demo.calls import (
    Answered,
    Call,
    Kind,
    OrderAnswered,
    OrderCall,
    OrderKind,
    OrderOutcome,
    OrderRepeated,
    Outcome,
    Repeated,
    perform,
    perform_order,
)
from bench.demo.journeys import Repeat
from holdfast.client import ChannelClient, HoldfastError, Rejection

LATENCY_US_MAX: Final = 60_000_000
LATENCY_DIGITS: Final = 3
PERCENTILES: Final = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}

KindT = TypeVar("KindT", bound=Enum)


class Latencies(Generic[KindT]):
    """A histogram for each kind of call."""

    def __init__(self) -> None:
        self._histograms: dict[KindT, HdrHistogram] = {}

    def took(self, kind: KindT, began_ns: int) -> None:
        """Note a call that was answered now; `began_ns` is `perf_counter_ns` at its beginning."""
        histogram = self._histograms.get(kind)
        if histogram is None:
            histogram = self._histograms[kind] = HdrHistogram(1, LATENCY_US_MAX, LATENCY_DIGITS)
        histogram.record_value(min(LATENCY_US_MAX, (perf_counter_ns() - began_ns) // 1_000))

    def in_ms(self, kinds: type[KindT]) -> dict[str, dict[str, float]]:
        """By kind in its own sequence, in milliseconds, retries and outages included, with the number of calls."""
        return {
            kind.value: {
                "calls": self._histograms[kind].get_total_count(),
                **{
                    name: round(self._histograms[kind].get_value_at_percentile(percentile) / 1000, 2)
                    for name, percentile in PERCENTILES.items()
                },
            }
            for kind in kinds
            if kind in self._histograms
        }


CALL_MS_MAX: Final = 45_000
"""A caller waits so long, over all attempts: longer than any restart of an actor takes."""

ERRORS_KEPT_MAX: Final = 5


class Answers:
    """The log of one demo. A call that got no answer is in `unanswered`, and is nowhere else."""

    def __init__(self, client: ChannelClient) -> None:
        self._client = client
        self.log: list[Answered] = []
        self.repeats: list[Repeated] = []
        self.unanswered: list[Call] = []
        self.errors: list[str] = []
        self.accepted: Counter[Kind] = Counter()
        self.refused: Counter[str] = Counter()
        self._latencies = Latencies[Kind]()

    async def ask(self, call: Call) -> Outcome | None:
        """The answer, logged; None where none came in time."""
        outcome = await self._timed(call)
        if outcome is None:
            return None
        self.log.append(Answered(call, outcome))
        if isinstance(outcome, Rejection):
            self.refused[outcome.reason.name] += 1
        else:
            self.accepted[call.kind] += 1
        return outcome

    async def ask_twice_at_once(self, call: Call) -> Outcome | None:
        """Two callers with one key at the same moment: the first answer is logged, the second is held against it."""
        first, second = await asyncio.gather(self.ask(call), self._timed(call))
        if first is not None and second is not None:
            self.repeats.append(Repeated(call, first, second, same_content=True))
        return first

    async def ask_again(self, call: Call, first: Outcome, *, same_content: bool = True) -> None:
        """Say it again under the same key, and keep what was said this time."""
        second = await self._timed(call)
        if second is not None:
            self.repeats.append(Repeated(call, first, second, same_content=same_content))

    def latency_ms(self) -> dict[str, dict[str, float]]:
        """By kind of call, in milliseconds, retries and outages included, with the number of calls."""
        return self._latencies.in_ms(Kind)

    async def _timed(self, call: Call) -> Outcome | None:
        began = perf_counter_ns()
        try:
            outcome = await perform(self._client, call, CALL_MS_MAX)
        except HoldfastError as error:
            self.unanswered.append(call)
            if len(self.errors) < ERRORS_KEPT_MAX:
                self.errors.append(f"{call.kind.value} {call.key}: {error}")
            return None
        self._latencies.took(call.kind, began)
        return outcome


MEANWHILE_MS_MAX: Final = 250
"""Longer than most orders take: the second call comes at any moment of the first."""


class OrderAnswers:
    """The log of one act. A call that got no answer is in `unanswered`; `asked_ms` is when each key was first asked."""

    def __init__(self, client: ChannelClient) -> None:
        self._client = client
        self.log: list[OrderAnswered] = []
        self.repeats: list[OrderRepeated] = []
        self.unanswered: list[OrderCall] = []
        self.errors: list[str] = []
        self.accepted: Counter[OrderKind] = Counter()
        self.refused: Counter[str] = Counter()
        self.asked_ms: dict[str, int] = {}
        self.latencies = Latencies[OrderKind]()

    async def ask(self, call: OrderCall) -> OrderOutcome | None:
        """The answer, logged; None where none came in time."""
        self.asked_ms.setdefault(call.key, int(time() * 1000))
        outcome = await self._timed(call)
        if outcome is None:
            return None
        self.log.append(OrderAnswered(call, outcome))
        if isinstance(outcome, Rejection):
            self.refused[outcome.reason.name] += 1
        else:
            self.accepted[call.kind] += 1
        return outcome

    async def say(self, call: OrderCall, repeat: Repeat, other: OrderCall | None = None) -> OrderOutcome | None:
        """Ask, and say it again on purpose: with the same content, or as `other`."""
        if repeat is Repeat.AT_ONCE:
            first, second = await asyncio.gather(self.ask(call), self._meanwhile(call))
            self._repeated(call, first, second, same_content=True)
            return first
        outcome = await self.ask(call)
        if repeat is Repeat.AFTER and outcome is not None:
            await self.ask_again(call, outcome)
        if repeat is Repeat.OTHER_CONTENT and outcome is not None and other is not None:
            self._repeated(call, outcome, await self._timed(other), same_content=False)
        return outcome

    async def ask_again(self, call: OrderCall, first: OrderOutcome) -> None:
        """Say it again under the same key, and keep what was said this time."""
        self._repeated(call, first, await self._timed(call), same_content=True)

    async def _meanwhile(self, call: OrderCall) -> OrderOutcome | None:
        """The same call by somebody who comes while the first one's is carried from shop to shop."""
        await asyncio.sleep(crc32(call.key.encode()) % MEANWHILE_MS_MAX / 1000)
        return await self._timed(call)

    def _repeated(
        self, call: OrderCall, first: OrderOutcome | None, second: OrderOutcome | None, *, same_content: bool
    ) -> None:
        if first is not None and second is not None:
            self.repeats.append(OrderRepeated(call, first, second, same_content))

    async def _timed(self, call: OrderCall) -> OrderOutcome | None:
        began = perf_counter_ns()
        try:
            outcome = await perform_order(self._client, call, CALL_MS_MAX)
        except HoldfastError as error:
            self._not_answered(call, str(error))
            return None
        parts = outcome if isinstance(outcome, tuple) else ()
        undecided = [each for each in parts if isinstance(each.answer, HoldfastError)]
        if undecided:
            self._not_answered(call, str(undecided[0].answer))
        self.latencies.took(call.kind, began)
        return outcome

    def _not_answered(self, call: OrderCall, why: str) -> None:
        self.unanswered.append(call)
        if len(self.errors) < ERRORS_KEPT_MAX:
            self.errors.append(f"{call.kind.value} {call.key}: {why}")
