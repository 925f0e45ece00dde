"""Errands go by lanes: bounded, side by side, and one that fails or stays keeps no other."""

import asyncio
import logging

import pytest

from serve.coordination.keyed_tasks import AT_ONCE_MAX, LANE_AT_ONCE, LANE_S, PATIENCE_S, Errand, Errands
from serve.routing.batcher import DeadlinePassed
from tests.runtime.loop_time import run, skip, turns
from tests.runtime.office import WAIT_S


class Road:
    """Errands that stay until they are let go, counted by lane."""

    def __init__(self) -> None:
        self.errands = Errands("testing")
        self.open = asyncio.Event()
        self.begun: list[str] = []
        self.done: list[str] = []

    def errand(self, lane: str, *, stays: bool = True) -> Errand:
        async def carry() -> None:
            self.begun.append(lane)
            if stays:
                await self.open.wait()
            self.done.append(lane)

        return Errand(lane, carry)


def test_a_lane_takes_a_few_at_a_time_and_keeps_no_other_lane() -> None:
    async def main() -> None:
        road = Road()
        many = [road.errand("slow") for _ in range(3 * LANE_AT_ONCE)]
        round_one = asyncio.ensure_future(road.errands.run([*many, road.errand("quick", stays=False)]))
        await turns()
        assert (road.begun.count("slow"), road.done) == (LANE_AT_ONCE, ["quick"])
        assert not round_one.done()
        skip(PATIENCE_S)
        await turns()
        assert round_one.done()

        await road.errands.run([road.errand("slow"), road.errand("quick", stays=False)])
        assert (road.begun.count("slow"), road.done) == (LANE_AT_ONCE, ["quick", "quick"]), "the lane is busy"
        road.open.set()
        await turns()
        assert road.done.count("slow") == 3 * LANE_AT_ONCE
        await road.errands.run([road.errand("slow")])
        assert road.done.count("slow") == 3 * LANE_AT_ONCE + 1

    run(main)


def test_a_lane_leaves_what_it_could_not_begin_in_time() -> None:
    async def main() -> None:
        road = Road()
        many = [road.errand("slow") for _ in range(3 * LANE_AT_ONCE)]
        round_one = asyncio.ensure_future(road.errands.run(many))
        await turns()
        skip(LANE_S + 1)
        road.open.set()
        await round_one
        await turns()
        assert road.done.count("slow") == LANE_AT_ONCE
        await road.errands.run([road.errand("slow")])
        assert road.done.count("slow") == LANE_AT_ONCE + 1

    run(main)


def test_all_lanes_together_are_bounded() -> None:
    async def main() -> None:
        road = Road()
        many = [road.errand(f"l{number}") for number in range(AT_ONCE_MAX + 50)]
        round_one = asyncio.ensure_future(road.errands.run(many, WAIT_S))
        await turns()
        assert len(road.begun) == AT_ONCE_MAX
        road.open.set()
        await round_one
        assert len(road.done) == AT_ONCE_MAX + 50

    run(main)


def test_what_goes_wrong_is_a_line_for_its_kind_and_lane(caplog: pytest.LogCaptureFixture) -> None:
    async def late() -> None:
        raise DeadlinePassed(sent=True)

    async def wrong() -> None:
        raise RuntimeError("nobody foresaw this")

    async def main() -> None:
        road = Road()
        passing = [Errand("S1", late) for _ in range(5)]
        failing = [Errand("S1", wrong), Errand("S1", wrong), Errand("S2", wrong)]
        await road.errands.run([*passing, *failing, road.errand("S1", stays=False)])
        assert road.done == ["S1"]

    with caplog.at_level(logging.WARNING, "holdfast.errands"):
        run(main)
    said = sorted(record.getMessage() for record in caplog.records)
    assert [line.partition(" (")[0] for line in said] == [
        "testing by S1 failed, and is tried again",
        "testing by S1: 2 of 8 failed so",
        "testing by S1: 5 of 8 are tried again: DeadlinePassed('sent, and not answered in time')",
        "testing by S2 failed, and is tried again",
    ]
    assert caplog.text.count("RuntimeError: nobody foresaw this") == 2
