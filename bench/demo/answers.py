"""What the callers were told: every answer by its call, how long each took, and what was said to repeats."""

import asyncio
from collections import Counter
from time import perf_counter_ns
from typing import Final

from bench.demo.calls import Answered, Call, Kind, Outcome, perform
from bench.demo.latencies import Latencies
from bench.demo.verdict import Repeated
from holdfast.client import ChannelClient, HoldfastError, Rejection

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
