"""What the callers were told: every answer by its call, how long each took, and what was said to repeats."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import Enum
from time import perf_counter_ns, time
from typing import Final, Generic, TypeAlias
from zlib import crc32

from hdrh.histogram import HdrHistogram

from bench.demo.calls import (
    Call,
    CallT,
    OneAnswered,
    OneRepeated,
    OrderCall,
    OrderOutcome,
    Outcome,
    OutcomeT,
    perform,
    perform_order,
)
from bench.demo.journeys import Repeat
from holdfast.client import ChannelClient, HoldfastError, Rejection

LATENCY_US_MAX: Final = 60_000_000
LATENCY_DIGITS: Final = 3
PERCENTILES: Final = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}


class Latencies:
    """A histogram for each kind of call."""

    def __init__(self) -> None:
        self._histograms: dict[Enum, HdrHistogram] = {}

    def took(self, kind: Enum, began_ns: int) -> None:
        """Note a call that was answered now; `began_ns` is `perf_counter_ns` at its beginning."""
        histogram = self._histograms.get(kind)
        if histogram is None:
            histogram = self._histograms[kind] = HdrHistogram(1, LATENCY_US_MAX, LATENCY_DIGITS)
        histogram.record_value(min(LATENCY_US_MAX, (perf_counter_ns() - began_ns) // 1_000))

    def in_ms(self, kinds: type[Enum]) -> dict[str, dict[str, float]]:
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

MEANWHILE_MS_MAX: Final = 250
"""Longer than most orders take: the second call comes at any moment of the first."""

ERRORS_KEPT_MAX: Final = 5


class Answers(Generic[CallT, OutcomeT]):
    """The log of one act. A call that got no answer is in `unanswered`; `asked_ms` is when each key was first asked.

    `meanwhile_ms_max`: where a call is said twice at once, the second comes by so much later at the most.
    """

    def __init__(
        self,
        client: ChannelClient,
        perform: Callable[[ChannelClient, CallT, int], Awaitable[OutcomeT]],
        *,
        meanwhile_ms_max: int = 0,
    ) -> None:
        self._client = client
        self._perform: Callable[[ChannelClient, CallT, int], Awaitable[OutcomeT]] = perform
        self._meanwhile_ms_max = meanwhile_ms_max
        self.log: list[OneAnswered[CallT, OutcomeT]] = []
        self.repeats: list[OneRepeated[CallT, OutcomeT]] = []
        self.unanswered: list[CallT] = []
        self.errors: list[str] = []
        self.accepted: Counter[Enum] = Counter()
        self.refused: Counter[str] = Counter()
        self.asked_ms: dict[str, int] = {}
        self.latencies = Latencies()

    async def ask(self, call: CallT) -> OutcomeT | None:
        """The answer, logged; None where none came in time."""
        self.asked_ms.setdefault(call.key, int(time() * 1000))
        outcome = await self._timed(call)
        if outcome is None:
            return None
        self.log.append(OneAnswered(call, outcome))
        if isinstance(outcome, Rejection):
            self.refused[outcome.reason.name] += 1
        else:
            self.accepted[call.kind] += 1
        return outcome

    async def say(self, call: CallT, repeat: Repeat, other: CallT | None = None) -> OutcomeT | None:
        """Ask, and say it again on purpose: with the same content, or as `other`."""
        if repeat is Repeat.AT_ONCE:
            first, second = await asyncio.gather(self.ask(call), self._meanwhile(call))
            self._repeated(call, first, second, same_content=True)
            return first
        outcome = await self.ask(call)
        if repeat is Repeat.AFTER and outcome is not None:
            await self.ask_again(call, outcome)
        if repeat is Repeat.OTHER_CONTENT and outcome is not None and other is not None:
            self._repeated(other, outcome, await self._timed(other), same_content=False)
        return outcome

    async def ask_again(self, call: CallT, first: OutcomeT) -> None:
        """Say it again under the same key, and keep what was said this time."""
        self._repeated(call, first, await self._timed(call), same_content=True)

    async def _meanwhile(self, call: CallT) -> OutcomeT | None:
        """The same call by somebody who comes while the first one's is carried from shop to shop."""
        if self._meanwhile_ms_max:
            await asyncio.sleep(crc32(call.key.encode()) % self._meanwhile_ms_max / 1000)
        return await self._timed(call)

    def _repeated(self, call: CallT, first: OutcomeT | None, second: OutcomeT | None, *, same_content: bool) -> None:
        if first is not None and second is not None:
            self.repeats.append(OneRepeated(call, first, second, same_content))

    async def _timed(self, call: CallT) -> OutcomeT | None:
        began = perf_counter_ns()
        try:
            outcome = await self._perform(self._client, call, CALL_MS_MAX)
        except HoldfastError as error:
            self._not_answered(call, str(error))
            return None
        parts = outcome if isinstance(outcome, tuple) else ()
        undecided = [each for each in parts if isinstance(each.answer, HoldfastError)]
        if undecided:
            self._not_answered(call, str(undecided[0].answer))
        self.latencies.took(call.kind, began)
        return outcome

    def _not_answered(self, call: CallT, why: str) -> None:
        self.unanswered.append(call)
        if len(self.errors) < ERRORS_KEPT_MAX:
            self.errors.append(f"{call.kind.value} {call.key}: {why}")


ShopAnswers: TypeAlias = Answers[Call, Outcome]
OrderAnswers: TypeAlias = Answers[OrderCall, OrderOutcome]


def shop_answers(client: ChannelClient) -> ShopAnswers:
    """The log of what single shops are asked."""
    return Answers(client, perform)


def order_answers(client: ChannelClient) -> OrderAnswers:
    """The log of what is asked of orders over several shops."""
    return Answers(client, perform_order, meanwhile_ms_max=MEANWHILE_MS_MAX)
