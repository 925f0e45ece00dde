"""Natural batching before one actor: what gathers, what goes first, what is refused, and who hears of it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final, ParamSpec

import pytest

from actors.core.rejection import Reason, Rejection
from actors.core.transact import Deferred
from actors.protocol.messages import Answer, Entry, Held, Refusal
from actors.shop.commands import MarkReady
from serve.routing.batcher import (
    CALLS_MAX,
    ENTRIES_FULL,
    ENTRIES_MAX,
    IN_FLIGHT_FULL_MAX,
    IN_FLIGHT_MAX,
    PROMISE_CALLS_MAX,
    QUEUE_AGE_S_MAX,
    QUEUED_ENTRIES_MAX,
    QUEUED_PROMISES_MAX,
    SILENT_CALLS_MAX,
    Batcher,
    DeadlinePassed,
    Overloaded,
)
from tests.runtime.loop_time import run, skip, turns

P = ParamSpec("P")
TIME_S: Final = 60.0
FAR_S: Final = 1_000.0


class Line:
    """The way to the actor: a batch is out until the test lands it."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []
        self.deadlines: list[float] = []
        self.deferred: set[str] = set()  # entries that are deferred when they come first
        self.unsettled: dict[str, str] = {}  # likewise those whose keys are asked for, and where in vain
        self.settled: list[str] = []
        self._out: list[asyncio.Future[None]] = []
        self.calls_inside = 12
        self.batcher = Batcher(self._send, lambda: self.calls_inside, self._settle, self._send_on)

    async def _send(self, entries: list[Entry], deadlines_ms: list[int], deadline: float) -> list[Answer]:
        self.sent.append([store_id for store_id, _ in entries])
        self.deadlines.append(deadline)
        landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._out.append(landed)
        await landed
        return [self._answer(store_id) for store_id, _ in entries]

    async def _send_on(self, entries: list[Entry], to: list[str], deadline: float, *, promise: bool) -> list[Answer]:
        raise AssertionError("no ledger has moved")

    async def _settle(self, entry: Entry, refused: Rejection) -> None:
        self.settled.append(entry[0])
        if refused.sku:
            raise Overloaded

    def _answer(self, entry: str) -> Answer:
        if entry in self.deferred:
            self.deferred.remove(entry)
            return Deferred()
        if entry in self.unsettled:
            return Refusal(0, Rejection(Reason.HOT_KEY, self.unsettled.pop(entry)))
        return Held(int(entry.rpartition("-")[2]), 0, 0)

    def ask(
        self, name: str, count: int = 1, *, promise: bool = False, within_s: float = FAR_S, later: bool = False
    ) -> "asyncio.Future[list[Answer]]":
        """A call of `count` entries, told apart by their numbers."""
        entries: list[Entry] = [(f"{name}-{number}", MarkReady("k", number)) for number in range(count)]
        return self.batcher.submit(entries, asyncio.get_running_loop().time() + within_s, promise=promise, later=later)

    def land(self, failure: Exception | None = None) -> None:
        """The oldest batch that is out comes back."""
        landed = self._out.pop(0)
        if failure is None:
            landed.set_result(None)
        else:
            landed.set_exception(failure)

    async def fill(self) -> "list[asyncio.Future[list[Answer]]]":
        """As many batches as may be out at once are out."""
        asks = []
        for number in range(IN_FLIGHT_MAX):
            asks.append(self.ask(f"out{number}"))
            await self.sent_so_far(number + 1)
        return asks

    async def sent_so_far(self, count: int) -> None:
        """Return once so many batches were sent."""
        for _ in range(100):
            if len(self.sent) >= count:
                return
            skip(0.01)  # over the moment that a batch may wait for more
            await turns(3)
        raise AssertionError(f"{len(self.sent)} batches were sent, not {count}")


def in_loop(test: Callable[[Line], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in a loop whose time moves."""

    @wraps(test)
    def whole() -> None:
        async def main() -> None:
            await test(Line())

        run(main)

    del whole.__wrapped__  # or pytest would look for a fixture of the inner's argument
    return whole


@in_loop
async def test_one_caller_alone_waits_for_nobody(line: Line) -> None:
    answers = line.ask("a")
    await turns(3)
    assert line.sent == [["a-0"]]
    line.land()
    assert await answers == [Held(0, 0, 0)]


@in_loop
async def test_while_batches_are_out_the_next_gathers(line: Line) -> None:
    out = await line.fill()
    gathered = [line.ask(name, count) for name, count in (("a", 2), ("b", 1), ("c", 3))]
    await turns()
    skip(1.0)
    await turns()
    assert len(line.sent) == IN_FLIGHT_MAX
    line.land()
    await line.sent_so_far(IN_FLIGHT_MAX + 1)
    assert line.sent[-1] == ["a-0", "a-1", "b-0", "c-0", "c-1", "c-2"]
    for _ in range(IN_FLIGHT_MAX):
        line.land()
    assert await asyncio.gather(*out) == [[Held(0, 0, 0)]] * IN_FLIGHT_MAX
    assert [[held.number for held in await answers if isinstance(held, Held)] for answers in gathered] == [
        [0, 1],
        [0],
        [0, 1, 2],
    ]


@in_loop
async def test_promises_go_before_fresh_ones(line: Line) -> None:
    await line.fill()
    line.ask("fresh1")
    line.ask("promise1", promise=True)
    line.ask("fresh2")
    line.ask("promise2", promise=True)
    line.land()
    await line.sent_so_far(IN_FLIGHT_MAX + 1)
    assert line.sent[-1] == ["promise1-0", "promise2-0", "fresh1-0", "fresh2-0"]


@in_loop
async def test_a_full_batch_of_promises_leaves_fresh_ones_waiting(line: Line) -> None:
    await line.fill()
    line.ask("fresh")
    line.ask("promise", ENTRIES_MAX, promise=True)
    line.land()
    await line.sent_so_far(IN_FLIGHT_MAX + 1)
    assert len(line.sent[-1]) == ENTRIES_MAX
    assert all(name.startswith("promise") for name in line.sent[-1])
    line.land()
    await line.sent_so_far(IN_FLIGHT_MAX + 2)
    assert line.sent[-1] == ["fresh-0"]


@in_loop
async def test_more_batches_are_out_while_whole_ones_wait(line: Line) -> None:
    await line.fill()
    line.ask("few", ENTRIES_FULL - 1)
    skip(0.1)
    await turns(3)
    assert len(line.sent) == IN_FLIGHT_MAX
    line.ask("more", ENTRIES_MAX - ENTRIES_FULL + 1)
    await line.sent_so_far(IN_FLIGHT_MAX + 1)
    assert len(line.sent[-1]) == ENTRIES_MAX
    for number in range(IN_FLIGHT_MAX + 1, IN_FLIGHT_FULL_MAX + 2):
        line.ask(f"whole{number}", ENTRIES_MAX)
    skip(0.1)
    await turns(3)
    assert len(line.sent) == IN_FLIGHT_FULL_MAX
    line.land()
    await line.sent_so_far(IN_FLIGHT_FULL_MAX + 1)
    line.ask("few again", ENTRIES_FULL - 1)
    line.land()
    skip(0.1)
    await turns(3)
    assert len(line.sent) == IN_FLIGHT_FULL_MAX + 1, "what is less waits until fewer are out"


@in_loop
async def test_calls_are_never_cut(line: Line) -> None:
    await line.fill()
    for name in "abc":
        line.ask(name, ENTRIES_MAX // 2 - 1)
    line.ask("large", ENTRIES_MAX + 1)
    await line.sent_so_far(IN_FLIGHT_FULL_MAX)
    line.land()
    await line.sent_so_far(IN_FLIGHT_FULL_MAX + 1)
    assert [len(names) for names in line.sent[IN_FLIGHT_MAX:]] == [
        ENTRIES_MAX - 2,
        ENTRIES_MAX // 2 - 1,
        ENTRIES_MAX + 1,
    ]


@in_loop
async def test_a_full_queue_refuses_fresh_ones_at_once_and_still_takes_promises(line: Line) -> None:
    await line.fill()
    line.ask("fresh", QUEUED_ENTRIES_MAX - 1)
    line.ask("last")
    with pytest.raises(Overloaded) as refusal:
        line.ask("more")
    assert refusal.value.retry_after_s > 0
    line.ask("promise", QUEUED_PROMISES_MAX, promise=True)
    with pytest.raises(Overloaded):
        line.ask("promise", promise=True)


@in_loop
async def test_an_actor_has_a_share_of_the_places_and_a_smaller_one_while_it_is_silent(line: Line) -> None:
    def room(*, promise: bool = False) -> int:
        """How many more calls are taken."""
        for count in range(PROMISE_CALLS_MAX + 1):
            try:
                line.ask("one", promise=promise)
            except Overloaded:
                return count
        raise AssertionError

    await line.fill()
    assert room() == CALLS_MAX - IN_FLIGHT_MAX
    assert room(promise=True) == PROMISE_CALLS_MAX - CALLS_MAX


@in_loop
async def test_a_silent_actor_gets_few_calls_until_it_answers(line: Line) -> None:
    await line.fill()
    for _ in range(SILENT_CALLS_MAX - IN_FLIGHT_MAX):
        line.ask("one", promise=True)
    skip(QUEUE_AGE_S_MAX + 0.1)
    with pytest.raises(Overloaded):
        line.ask("more", promise=True)
    line.land()
    await turns()
    line.ask("more", promise=True)


@in_loop
async def test_there_is_room_again_once_a_batch_has_gone(line: Line) -> None:
    await line.fill()
    line.ask("fresh", QUEUED_ENTRIES_MAX)
    with pytest.raises(Overloaded):
        line.ask("more")
    line.land()
    await line.sent_so_far(IN_FLIGHT_MAX + 1)
    line.ask("more")


@in_loop
async def test_an_old_queue_refuses_fresh_ones(line: Line) -> None:
    await line.fill()
    line.ask("waits")
    skip(QUEUE_AGE_S_MAX / 2)
    line.ask("waits too")
    skip(QUEUE_AGE_S_MAX / 2 + 0.01)
    with pytest.raises(Overloaded):
        line.ask("too late")
    line.ask("promise", promise=True)


@in_loop
async def test_a_call_that_was_not_sent_in_time_is_never_sent(line: Line) -> None:
    await line.fill()
    late, other = line.ask("late", within_s=TIME_S), line.ask("other")
    skip(TIME_S)
    with pytest.raises(DeadlinePassed) as passed:
        await late
    assert not passed.value.sent
    line.land()
    await line.sent_so_far(IN_FLIGHT_MAX + 1)
    assert line.sent[-1] == ["other-0"]
    assert not other.done()


@in_loop
async def test_a_call_that_comes_too_late_is_not_sent(line: Line) -> None:
    answers = line.ask("late", within_s=0.0)
    with pytest.raises(DeadlinePassed) as passed:
        await answers
    assert not passed.value.sent
    assert line.sent == []


@in_loop
async def test_a_call_that_is_out_hears_that_its_time_is_over(line: Line) -> None:
    impatient, patient = line.ask("a", within_s=TIME_S), line.ask("b")
    await line.sent_so_far(1)
    skip(TIME_S)
    with pytest.raises(DeadlinePassed) as passed:
        await impatient
    assert passed.value.sent
    assert not patient.done()
    line.land()
    await patient
    assert line.deadlines[0] > asyncio.get_running_loop().time()  # the batch goes on for who has time left


@in_loop
async def test_a_failure_reaches_all_of_its_batch_and_nobody_else(line: Line) -> None:
    first = line.ask("first")
    await line.sent_so_far(1)
    second, third = line.ask("second"), line.ask("third")
    await line.sent_so_far(2)
    line.land()
    line.land(DeadlinePassed(sent=True))
    assert await first == [Held(0, 0, 0)]
    for answers in (second, third):
        with pytest.raises(DeadlinePassed):
            await answers


@in_loop
async def test_the_queue_goes_on_after_a_failure(line: Line) -> None:
    out = await line.fill()
    waiting = line.ask("waiting")
    for _ in range(IN_FLIGHT_MAX):
        line.land(DeadlinePassed(sent=True))
    await line.sent_so_far(IN_FLIGHT_MAX + 1)
    line.land()
    assert await waiting == [Held(0, 0, 0)]
    assert all(isinstance(ask.exception(), DeadlinePassed) for ask in out)


@in_loop
async def test_callers_who_went_away_are_skipped(line: Line) -> None:
    await line.fill()
    gone, here = line.ask("gone"), line.ask("here")
    gone.cancel()
    line.land()
    await line.sent_so_far(IN_FLIGHT_MAX + 1)
    assert line.sent[-1] == ["here-0"]
    line.land()
    line.land()
    assert await here == [Held(0, 0, 0)]


@in_loop
async def test_a_caller_who_went_away_while_out_costs_the_others_nothing(line: Line) -> None:
    out = await line.fill()
    gone, here = line.ask("gone", 2), line.ask("here", 2)
    line.land()
    await line.sent_so_far(IN_FLIGHT_MAX + 1)
    gone.cancel()
    for _ in range(IN_FLIGHT_MAX):
        line.land()
    assert await here == [Held(0, 0, 0), Held(1, 0, 0)]
    await asyncio.gather(*out)


@in_loop
async def test_nobody_waits_and_nothing_is_left(line: Line) -> None:
    """Once all is answered the deadline's timer ends too: an idle batcher costs nothing."""
    answers = line.ask("a")
    await line.sent_so_far(1)
    line.land()
    await answers
    for _ in range(3):
        skip(1.0)
        await turns()
    assert line.batcher._sweeper is None
    assert line.batcher._queued_fresh == line.batcher._queued_promises == 0
    assert not line.batcher._flying


@in_loop
async def test_calls_that_were_deferred_in_part_are_sent_again_in_sequence_before_all_others(line: Line) -> None:
    line.deferred = {"whole-1", "second-0"}
    whole, second = line.ask("whole", 2), line.ask("second")
    await line.sent_so_far(1)
    line.ask("out")
    await line.sent_so_far(2)
    later = line.ask("later")
    line.land()
    await line.sent_so_far(3)
    assert line.sent[2] == ["whole-0", "whole-1", "second-0", "later-0"]
    line.land()
    line.land()
    assert await whole == [Held(0, 0, 0), Held(1, 0, 0)]
    assert len(await later) == len(await second) == 1
