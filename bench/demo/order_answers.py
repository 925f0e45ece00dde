"""What callers were told about orders: every answer by its call, and what was said to repeats."""

import asyncio
from collections import Counter
from time import perf_counter_ns, time
from typing import Final
from zlib import crc32

from bench.demo.answers import CALL_MS_MAX, ERRORS_KEPT_MAX
from bench.demo.journeys import Repeat
from bench.demo.latencies import Latencies
from bench.demo.order_calls import OrderAnswered, OrderCall, OrderKind, OrderOutcome, OrderRepeated, perform_order
from holdfast.client import ChannelClient, HoldfastError, Rejection

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
