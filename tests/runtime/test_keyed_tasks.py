"""Keyed tasks: bounded for each key, keys side by side, and one that fails or hangs delays no other key."""

import asyncio
import logging

import pytest

from actors.protocol.messages import LedgerStopped
from serve.coordination.keyed_tasks import (
    BEGIN_WITHIN_S,
    REST_S,
    ROUND_WAIT_S,
    TASKS_MAX,
    TASKS_OF_KEY_MAX,
    KeyedTask,
    KeyedTasks,
)
from serve.routing.batcher import DeadlinePassed
from tests.runtime.loop_time import run, skip, turns
from tests.runtime.runtime_fixture import WAIT_S


class BlockedTasks:
    """Tasks that wait until `open` is set, counted by key."""

    def __init__(self) -> None:
        self.tasks = KeyedTasks("testing")
        self.open = asyncio.Event()
        self.begun: list[str] = []
        self.done: list[str] = []

    def task(self, key: str, *, stays: bool = True) -> KeyedTask:
        async def carry() -> None:
            self.begun.append(key)
            if stays:
                await self.open.wait()
            self.done.append(key)

        return KeyedTask(key, carry)


def test_a_key_that_is_away_is_waited_for_once_and_again_when_it_was_quick() -> None:
    async def main() -> None:
        blocked = BlockedTasks()

        async def is_waited_for() -> bool:
            a_round = asyncio.ensure_future(blocked.tasks.run([blocked.task("away")]))
            await turns()
            waits = not a_round.done()
            skip(ROUND_WAIT_S)
            await a_round
            return waits

        assert await is_waited_for()
        for _ in range(3):  # its questions end without an answer, and are asked anew
            blocked.tasks._running["away"].cancel()
            await turns()
            assert not await is_waited_for()
        blocked.open.set()
        await turns()
        await blocked.tasks.run([blocked.task("away")])
        await turns()
        blocked.open.clear()
        assert await is_waited_for()
        blocked.open.set()
        await turns()

    run(main)


def test_a_lane_takes_a_few_at_a_time_and_keeps_no_other_lane() -> None:
    async def main() -> None:
        blocked = BlockedTasks()
        many = [blocked.task("slow") for _ in range(3 * TASKS_OF_KEY_MAX)]
        round_one = asyncio.ensure_future(blocked.tasks.run([*many, blocked.task("quick", stays=False)]))
        await turns()
        assert (blocked.begun.count("slow"), blocked.done) == (TASKS_OF_KEY_MAX, ["quick"])
        assert not round_one.done()
        skip(ROUND_WAIT_S)
        await turns()
        assert round_one.done()

        await blocked.tasks.run([blocked.task("slow"), blocked.task("quick", stays=False)])
        assert (blocked.begun.count("slow"), blocked.done) == (TASKS_OF_KEY_MAX, ["quick", "quick"]), "the key is busy"
        blocked.open.set()
        await turns()
        assert blocked.done.count("slow") == 3 * TASKS_OF_KEY_MAX
        for number in (1, 2):
            await blocked.tasks.run([blocked.task("slow")])
            await turns()
            assert blocked.done.count("slow") == 3 * TASKS_OF_KEY_MAX + number

    run(main)


def test_a_lane_leaves_what_it_could_not_begin_in_time() -> None:
    async def main() -> None:
        blocked = BlockedTasks()
        many = [blocked.task("slow") for _ in range(3 * TASKS_OF_KEY_MAX)]
        round_one = asyncio.ensure_future(blocked.tasks.run(many))
        await turns()
        skip(BEGIN_WITHIN_S + 1)
        blocked.open.set()
        await round_one
        await turns()
        assert blocked.done.count("slow") == TASKS_OF_KEY_MAX
        await blocked.tasks.run([blocked.task("slow")])
        await turns()
        assert blocked.done.count("slow") == TASKS_OF_KEY_MAX + 1

    run(main)


def test_all_lanes_together_are_bounded() -> None:
    async def main() -> None:
        blocked = BlockedTasks()
        many = [blocked.task(f"l{number}") for number in range(TASKS_MAX + 50)]
        round_one = asyncio.ensure_future(blocked.tasks.run(many, WAIT_S))
        await turns()
        assert len(blocked.begun) == TASKS_MAX
        blocked.open.set()
        await round_one
        assert len(blocked.done) == TASKS_MAX + 50

    run(main)


def test_a_key_rests_ever_longer_while_a_ledger_of_it_is_stopped_and_no_other_does() -> None:
    async def main() -> None:
        blocked, begun = BlockedTasks(), list[str]()

        async def stopped() -> None:
            begun.append("S1")
            raise LedgerStopped("damaged")

        async def begins_after(seconds: float) -> int:
            skip(seconds)
            await blocked.tasks.run([KeyedTask("S1", stopped), blocked.task("S2", stays=False)])
            return len(begun)

        first_s, rest_s_max = REST_S
        assert await begins_after(0) == 1
        assert await begins_after(first_s * 0.9) == 1
        assert await begins_after(first_s * 0.2) == 2
        assert await begins_after(first_s * 1.9) == 2, "twice as long"
        for count in range(3, 12):
            assert await begins_after(rest_s_max) == count, "and so long at most"
        assert len(blocked.done) == 13
        skip(rest_s_max)
        await blocked.tasks.run([blocked.task("S1", stays=False)])
        assert await begins_after(0) == 12, "it was served meanwhile"
        assert await begins_after(first_s) == 13

    run(main)


def test_what_goes_wrong_is_a_line_for_its_kind_and_lane(caplog: pytest.LogCaptureFixture) -> None:
    async def late() -> None:
        raise DeadlinePassed(sent=True)

    async def wrong() -> None:
        raise RuntimeError("nobody foresaw this")

    async def main() -> None:
        blocked = BlockedTasks()
        passing = [KeyedTask("S1", late) for _ in range(5)]
        failing = [KeyedTask("S1", wrong), KeyedTask("S1", wrong), KeyedTask("S2", wrong)]
        await blocked.tasks.run([*passing, *failing, blocked.task("S1", stays=False)])
        assert blocked.done == ["S1"]

    with caplog.at_level(logging.WARNING, "holdfast.keyed_tasks"):
        run(main)
    said = sorted(record.getMessage() for record in caplog.records)
    assert [line.partition(" (")[0] for line in said] == [
        "testing by S1 failed, and is tried again",
        "testing by S1: 2 of 8 failed so",
        "testing by S1: 5 of 8 are tried again: DeadlinePassed('sent, and not answered in time')",
        "testing by S2 failed, and is tried again",
    ]
    assert caplog.text.count("RuntimeError: nobody foresaw this") == 2
