"""The open loop: calls come at their rate, whatever becomes of those before them."""

import asyncio

import pytest

from bench.load import loops
from bench.load.loops import Tally, call_at_rate

RATE = 64
STALL_S = 0.125


def test_a_stall_is_felt_by_all_who_would_have_called_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(loops, "perf_counter", lambda: now)

    async def ask(due: float, tally: Tally) -> bool:
        """The first call stalls everything; the others take no time."""
        nonlocal now
        now = STALL_S
        tally.latencies.append(now - due)
        return True

    tally = Tally()
    asyncio.run(call_at_rate([ask], RATE, STALL_S, tally))
    assert tally.latencies == [STALL_S - number / RATE for number in range(int(RATE * STALL_S))]


def test_calls_come_whether_or_not_anything_is_answered() -> None:
    async def called(calls: int) -> list[float]:
        all_here, due_at = asyncio.Barrier(calls), list[float]()

        async def ask(due: float, tally: Tally) -> bool:
            due_at.append(due)
            return await all_here.wait() >= 0

        await call_at_rate([ask], RATE, calls / RATE, Tally())
        return due_at

    due_at = asyncio.run(called(4))
    assert [due - due_at[0] for due in due_at] == pytest.approx([0, 1 / RATE, 2 / RATE, 3 / RATE])


def test_calls_beyond_what_may_be_outstanding_are_not_made_and_count_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "OUTSTANDING_MAX", 3)

    async def called(arrivals: int, tally: Tally) -> int:
        begun, last = 0, asyncio.get_running_loop().create_future()

        async def ask(_due: float, _tally: Tally) -> bool:
            nonlocal begun
            begun += 1
            return bool(await last)

        loop = asyncio.create_task(call_at_rate([ask], 1_000.0, arrivals / 1_000, tally))
        while len(tally.failures) < arrivals - loops.OUTSTANDING_MAX:  # noqa: ASYNC110  # a list has no event
            await asyncio.sleep(0)
        last.set_result(True)
        await loop
        return begun

    tally = Tally()
    assert asyncio.run(called(8, tally)) == 3
    assert tally.failures == ["the service fell behind: too many calls are unanswered"] * 5
