"""Batches entries for one actor: while a batch is out, the next gathers. Queues are bounded and refuse early, and near
their limits no SKU and no channel takes the room of the others (`shares`).

A single caller never waits. From the third entry on a batch waits for the next, `GATHER_S` for each call that the
gateway is answering: an actor hop costs about as much as the gateway's own work on a call. Units that the gateway
brings from ledger to ledger do not make others wait so.

Promises already made (collect, confirm, ready, release, extend) go before new ones (reserve, stock), always.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from itertools import chain
from math import ceil
from typing import Any, Final, Protocol

from actors.core.rejection import Rejection
from actors.core.transact import Deferred
from actors.protocol.messages import Answer, Elsewhere, Entry, Late, LedgerStopped, Refusal, Shed, weight_of
from actors.shop.hot.units import GiveBackUnits, HandUnits, ReceiveUnits, TakeUnitsBack
from actors.telemetry.traces import CARRIED
from serve.routing.queued import Queued, is_unsettled
from serve.routing.shares import SHARES_FROM, Shares

IN_FLIGHT_MAX: Final = 2  # batches to one actor: one is written while the next is decided
# Where whole batches wait, more of them and none too large: gateway, actor and disk then work on different ones at the
# same time. `python -m bench grpc`, batches of 256, 8 in flight: 37,000-39,000/s with 2 of 2,048, 47,000-62,000/s so.
IN_FLIGHT_FULL_MAX: Final = 4
ENTRIES_FULL: Final = 256
ENTRIES_MAX: Final = 512  # entries to a batch; some 40 kB
QUEUED_ENTRIES_MAX: Final = 16_384  # new promises waiting for one actor
QUEUED_PROMISES_MAX: Final = 32_768  # steps of promises already made
QUEUE_AGE_S_MAX: Final = 0.5  # a queue this old does not take new promises
# Calls to one actor, queued or out. Each has a place among those of the gateway, 3,072 and 1,024 more for steps of
# promises: half of them are left to the calls of other actors, and more where this one is silent.
CALLS_MAX: Final = 1_536
PROMISE_CALLS_MAX: Final = 2_048
SILENT_CALLS_MAX: Final = 512  # of an actor that has answered nothing for QUEUE_AGE_S_MAX
INSIDE_MAX: Final = 2 * CALLS_MAX  # calls inside the gateway, see `serve.calls`
RETRY_AFTER_S: Final = 0.25  # what a refused caller is told
GATHER_CALLS_MIN: Final = 3  # calls queued or out before a batch waits for more
GATHER_S: Final = 0.001  # for each call inside the gateway: the entries of one come together, those of many do not
GATHER_S_MAX: Final = 0.012
GATHER_ENTRIES_MAX: Final = 32  # a batch of this size carries the hop well enough
LATER_S: Final = 0.01  # how long what nobody waits for stays for others to go with
DEADLINE_SWEEP_S: Final = 0.05
_ERRANDS: Final = (HandUnits, ReceiveUnits, GiveBackUnits, TakeUnitsBack)  # no call: in a sale there are many at a time


class Overloaded(Exception):
    """The queue is full or too old. Nothing was done."""

    retry_after_s = RETRY_AFTER_S


class DeadlinePassed(Exception):
    """The answer did not come in time. `sent` says whether the outcome is unknown, or nothing was done."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("sent, and not answered in time" if sent else "not sent in time")
        self.sent = sent


class Rerouted(DeadlinePassed):
    """A ledger of the question is with another actor than was asked; who asks again asks that one. Nothing was done."""

    def __init__(self) -> None:
        super().__init__(sent=True)


Send = Callable[[list[Entry], list[int], float], Awaitable[list[Answer]]]
Settle = Callable[[Entry, Rejection], Awaitable[None]]


class SendOn(Protocol):
    """Sends entries to other actors, whose names come with them, by a deadline."""

    async def __call__(self, entries: list[Entry], to: list[str], deadline: float, *, promise: bool) -> list[Answer]:
        """Raises DeadlinePassed, Overloaded, LedgerStopped."""


class Batcher:
    """The queue before one actor. Runs in one event loop; `send` delivers a batch by a deadline in loop time, and takes
    the deadlines of its entries in milliseconds of it. `calls_inside` counts the calls that the gateway is answering.
    `settle` finds out for the actor what it needs to know of a key to decide an entry, which is then sent again;
    `send_on` sends what turns out to be for another actor.
    """

    def __init__(self, send: Send, calls_inside: Callable[[], int], settle: Settle, send_on: SendOn) -> None:
        self._send = send
        self._settle = settle
        self._send_on = send_on
        self._settling: set[asyncio.Task[None]] = set()
        self._calls_inside = calls_inside
        self._loop = asyncio.get_running_loop()
        self._promises: deque[Queued] = deque()
        self._fresh: deque[Queued] = deque()
        self._later: list[Queued] = []  # promises, which go with and before whatever is asked next
        self._queued_promises = 0
        self._queued_fresh = 0
        self._out: set[asyncio.Task[None]] = set()
        self._flying: dict[asyncio.Task[None], list[Queued]] = {}
        self._calls_out = 0
        self._errands = 0  # of those that are queued or out
        self._heard_at = 0.0  # when the actor answered last, or was first asked after that
        self._gathering: asyncio.TimerHandle | asyncio.Handle | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._ending_wait: asyncio.TimerHandle | None = None
        self._waited_s = 0.0  # the longest since that was last asked
        self._shares: Shares | None = None  # of what is fresh, while its room is getting scarce

    def submit(
        self, entries: Sequence[Entry], deadline: float, *, promise: bool, each: bool = False, later: bool = False
    ) -> "asyncio.Future[list[Answer]]":
        """Queue entries. Raises Overloaded before any work is done. The future may raise DeadlinePassed; with `each`
        the entries whose outcome is unknown are Late in place of that, those Shed for which there is no room, and those
        Rest that are deferred while others are answered. Promises that are for `later` wait LATER_S for others, which
        they then go before.
        """
        now = self._loop.time()
        calls = len(self._fresh) + len(self._promises) + len(self._later) + self._calls_out
        calls_max = self._calls_max(now, promise=promise)
        if calls >= calls_max:
            raise Overloaded
        answers, weight, traces = self._loop.create_future(), weight_of(entries), CARRIED.get()
        ask = Queued(entries, answers, now, deadline, weight, promise, each, len(entries), traces)
        if promise:
            if self._queued_promises + ask.weight > QUEUED_PROMISES_MAX:
                raise Overloaded
            self._later.append(ask)
            self._queued_promises += ask.weight
        else:
            self._find_room(ask, now, calls / calls_max)
            self._fresh.append(ask)
            self._queued_fresh += ask.weight
        if _is_errand(ask):
            self._errands += 1
            ask.answers.add_done_callback(self._drop_errand)
        if not later:
            self._end_wait()
        elif self._ending_wait is None:
            self._ending_wait = self._loop.call_later(LATER_S, self._end_wait)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(DEADLINE_SWEEP_S, self._sweep_deadlines)
        return ask.answers

    def _end_wait(self) -> None:
        """Whatever has waited for others goes with the next batch, and that soon."""
        if self._ending_wait is not None:
            self._ending_wait.cancel()
            self._ending_wait = None
        self._promises.extend(self._later)
        self._later.clear()
        if isinstance(self._gathering, asyncio.TimerHandle) and self._has_lone_caller():
            self._gathering.cancel()
            self._gathering = None
        if self._gathering is None and self._may_send():
            self._gather()

    def _has_lone_caller(self) -> bool:
        """Whether somebody's call is queued that would not wait but for errands."""
        if not self._errands:
            return False
        calls = len(self._fresh) + len(self._promises) + self._calls_out - self._errands
        return calls < GATHER_CALLS_MIN and not all(map(_is_errand, chain(self._fresh, self._promises)))

    def _drop_errand(self, _: object) -> None:
        self._errands -= 1

    def queue_age_s(self) -> float:
        """The longest that a call waits here, or waited since this was asked last. From any thread."""
        waited_s, self._waited_s = self._waited_s, 0.0
        for queue in (self._promises, self._fresh):
            with suppress(IndexError):  # it was sent just now
                waited_s = max(waited_s, self._loop.time() - queue[0].queued_at)
        return waited_s

    def _find_room(self, ask: Queued, now: float, of_calls: float) -> None:
        """Take of a call what there is room for. Raises Overloaded where that is nothing, or not all, unless each entry
        is by itself.
        """
        fullness = (self._queued_fresh + ask.weight) / QUEUED_ENTRIES_MAX
        if self._fresh:
            fullness = max(fullness, (now - self._fresh[0].queued_at) / QUEUE_AGE_S_MAX)
        if fullness > 1:
            raise Overloaded
        fullness = max(fullness, of_calls, min(1.0, self._calls_inside() / INSIDE_MAX))
        shares = self._shares
        if fullness < (SHARES_FROM if shares is None else SHARES_FROM / 2):
            self._shares = None
            return
        if shares is None:
            shares = self._shares = Shares()
            for other in (*self._fresh, *(ask for asks in self._flying.values() for ask in asks)):
                if not (other.promise or other.answers.done()):
                    shares.count(other.entries)
                    _drop_when_over(shares, other)
        places = shares.admit(ask.entries, fullness)
        admitted = [ask.entries[place] for place in places]
        if not admitted or not (ask.each or len(admitted) == ask.asked):
            shares.drop(admitted)
            raise Overloaded
        if len(admitted) < ask.asked:
            ask.entries, ask.places, ask.weight = admitted, places, weight_of(admitted)
        _drop_when_over(shares, ask)

    def _calls_max(self, now: float, *, promise: bool) -> int:
        if self._out and now - self._heard_at > QUEUE_AGE_S_MAX:
            return SILENT_CALLS_MAX
        return PROMISE_CALLS_MAX if promise else CALLS_MAX

    def _may_send(self) -> bool:
        out = len(self._out)
        if out < IN_FLIGHT_MAX:
            return True
        return out < IN_FLIGHT_FULL_MAX and self._queued_fresh + self._queued_promises >= ENTRIES_FULL

    def _gather(self) -> None:
        """Send soon: at once for a call or two, a moment later where more are here, since more still are coming.

        Under load most calls wait in front of the gateway, whose own work on one takes longer than the actor's. So few
        are here at a time, and without the wait each would pay for a hop of its own.
        """
        queued = len(self._fresh) + len(self._promises)
        entries = self._queued_fresh + self._queued_promises
        is_few = queued + self._calls_out < GATHER_CALLS_MIN or self._has_lone_caller()
        if is_few or entries >= GATHER_ENTRIES_MAX:
            self._gathering = self._loop.call_soon(self._pump)
        else:
            wait_s = min(GATHER_S * self._calls_inside(), GATHER_S_MAX)
            self._gathering = self._loop.call_later(wait_s, self._pump)

    def _pump(self) -> None:
        self._gathering = None
        if not self._may_send():
            return
        asks, entries, deadlines_ms, deadline = self._take()
        if entries:
            if not self._out:
                self._heard_at = self._loop.time()
            self._calls_out += len(asks)
            task = self._loop.create_task(self._fly(asks, entries, deadlines_ms, deadline))
            self._out.add(task)
            self._flying[task] = asks
            task.add_done_callback(self._landed)
        if (self._fresh or self._promises) and self._may_send():
            self._gather()

    def _take(self) -> tuple[list[Queued], list[Entry], list[int], float]:
        """The next batch: promises first, whole calls, nothing that is too late or that nobody waits for."""
        now = self._loop.time()
        asks: list[Queued] = []
        entries: list[Entry] = []
        deadlines_ms: list[int] = []
        weight = 0
        deadline = now
        for queue in (self._promises, self._fresh):
            while queue and (not entries or weight + queue[0].weight <= ENTRIES_MAX):
                ask = queue.popleft()
                if queue is self._promises:
                    self._queued_promises -= ask.weight
                else:
                    self._queued_fresh -= ask.weight
                if ask.answers.done():
                    continue
                if ask.deadline <= now:
                    ask.fail(DeadlinePassed(sent=ask.sent))
                    continue
                ask.sent = True
                self._waited_s = max(self._waited_s, now - ask.queued_at)
                asks.append(ask)
                entries.extend(ask.entries)
                deadlines_ms.extend([ceil(ask.deadline * 1_000)] * len(ask.entries))
                weight += ask.weight
                deadline = max(deadline, ask.deadline)
        return asks, entries, deadlines_ms, deadline

    async def _fly(self, asks: list[Queued], entries: list[Entry], deadlines_ms: list[int], deadline: float) -> None:
        CARRIED.set(tuple(trace for ask in asks if ask.traces for trace in ask.named()))  # not those of who woke it
        answers = await self._send(entries, deadlines_ms, deadline)
        self._heard_at = self._loop.time()
        kinds = {*map(type, answers)}  # most batches have none of the two that are looked for call by call
        deferred: list[Queued] = []
        place = 0
        for ask in asks:
            end = place + len(ask.entries)
            if not ask.answers.done():
                mine = answers[place:end]
                if (
                    Late in kinds and not ask.each and Late in map(type, mine)
                ):  # not decided this time, perhaps at another
                    ask.fail(DeadlinePassed(sent=True))
                elif Deferred in kinds and Deferred in map(type, mine):
                    deferred.append(ask.rest(mine, self._loop.create_future()) if ask.each else ask)
                elif Refusal in kinds and any(map(is_unsettled, mine)):
                    self._go_on(self._settle_first(ask, mine))
                elif Elsewhere in kinds and Elsewhere in map(type, mine):
                    self._go_on(self._follow(ask, mine))
                else:
                    ask.answers.set_result(ask.answered(mine))
            place = end
        for ask in reversed(deferred):
            self._send_again(ask)
        if len(deferred) == len(asks) and self._gathering is None:
            self._gathering = self._loop.call_later(GATHER_S_MAX, self._pump)

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _follow(self, ask: Queued, answers: list[Answer]) -> None:
        """Send on what other actors have, and answer a call once they have answered."""
        to = {place: answer.actor for place, answer in enumerate(answers) if isinstance(answer, Elsewhere)}
        found: list[Answer]
        try:
            entries = [ask.entries[place] for place in to]
            found = await self._send_on(entries, list(to.values()), ask.deadline, promise=ask.promise)
        except (DeadlinePassed, Overloaded, LedgerStopped) as error:
            if not ask.each or isinstance(error, LedgerStopped):
                is_nothing_done = isinstance(error, LedgerStopped) or len(ask.entries) == 1
                ask.fail(error if is_nothing_done else DeadlinePassed(sent=True))
                return
            found = [Shed() if isinstance(error, Overloaded) else Late()] * len(to)
        for place, answer in zip(to, found, strict=True):
            answers[place] = answer
        if not ask.each and {Late, Shed} & {*map(type, answers)}:
            is_shed = all(isinstance(answer, Shed) for answer in answers)
            ask.fail(Overloaded() if is_shed else DeadlinePassed(sent=True))
        elif not ask.answers.done():
            ask.answers.set_result(ask.answered(answers))

    async def _settle_first(self, ask: Queued, answers: list[Answer]) -> None:
        """Send a call again once it was found out of its keys what the actor has to know."""
        unsettled = [place for place, answer in enumerate(answers) if is_unsettled(answer)]
        works = (self._settle(ask.entries[place], answers[place].rejection) for place in unsettled)  # type: ignore[union-attr]
        try:
            async with asyncio.timeout_at(ask.deadline):
                await asyncio.gather(*works)
        except (TimeoutError, DeadlinePassed, Overloaded, LedgerStopped):
            ask.fail(DeadlinePassed(sent=True))  # the next attempt asks again
            return
        self._send_again(ask)
        self._end_wait()

    def _send_again(self, ask: Queued) -> None:
        """Queue a call before all others: it was deferred, or a part of it; for the rest the answers are repeats."""
        if ask.promise:
            self._promises.appendleft(ask)
            self._queued_promises += ask.weight
        else:
            self._fresh.appendleft(ask)
            self._queued_fresh += ask.weight

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._out.discard(task)
        asks = self._flying.pop(task)
        self._calls_out -= len(asks)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            for ask in asks:
                if not ask.answers.done():
                    ask.answers.set_exception(failure)
        if (self._fresh or self._promises) and self._gathering is None and self._may_send():
            self._gather()

    def _sweep_deadlines(self) -> None:
        """Tell callers whose time is over, also those whose batch is still being retried."""
        now = self._loop.time()
        waiting = False
        for asks in (self._promises, self._later, self._fresh, *self._flying.values()):
            for ask in asks:
                if not ask.answers.done():
                    if ask.deadline <= now:
                        ask.fail(DeadlinePassed(sent=ask.sent))
                    else:
                        waiting = True
        self._sweeper = self._loop.call_later(DEADLINE_SWEEP_S, self._sweep_deadlines) if waiting else None


def _is_errand(ask: Queued) -> bool:
    return isinstance(ask.entries[0][1], _ERRANDS)


def _drop_when_over(shares: Shares, ask: Queued) -> None:
    entries = ask.entries
    ask.answers.add_done_callback(lambda _: shares.drop(entries))
