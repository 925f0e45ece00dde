"""What nobody waits for, before one actor: it goes with others, and before them. And what waits for the word of another
ledger about its key.
"""

import asyncio

import pytest

from actors.protocol.messages import Held
from serve.routing.batcher import LATER_S, DeadlinePassed
from tests.runtime.loop_time import skip, turns
from tests.runtime.test_batcher import TIME_S, Line, in_loop


@in_loop
async def test_what_nobody_waits_for_goes_before_what_is_asked_next(line: Line) -> None:
    told = [line.ask(name, promise=True, later=True) for name in ("told", "told too")]
    await turns(3)
    assert line.sent == []
    asked = line.ask("step", promise=True)
    await line.sent_so_far(1)
    assert line.sent == [["told-0", "told too-0", "step-0"]]
    line.land()
    await asyncio.gather(*told, asked)


@in_loop
async def test_what_nobody_waits_for_waits_no_longer_than_a_moment(line: Line) -> None:
    told = line.ask("told", promise=True, later=True)
    skip(LATER_S / 2)
    await turns(3)
    assert line.sent == []
    await line.sent_so_far(1)
    assert line.sent == [["told-0"]]
    line.land()
    await told
    more = line.ask("more", promise=True, later=True)
    asked = line.ask("asked")
    await line.sent_so_far(2)
    skip(2 * LATER_S)
    await turns(6)
    assert line.sent == [["told-0"], ["more-0", "asked-0"]], "and it goes once"
    line.land()
    await asyncio.gather(more, asked)


@in_loop
async def test_what_nobody_waits_for_is_told_when_its_time_is_over(line: Line) -> None:
    out = await line.fill()
    told = line.ask("told", promise=True, later=True, within_s=0.5)
    skip(1.0)
    await turns(3)
    with pytest.raises(DeadlinePassed):
        await told
    for _ in out:
        line.land()
    await asyncio.gather(*out)


@in_loop
async def test_a_call_whose_key_is_asked_for_is_sent_again_when_that_is_settled(line: Line) -> None:
    """The others of its batch are answered meanwhile."""
    line.unsettled = {"whole-1": ""}
    whole, other = line.ask("whole", 2), line.ask("other")
    await line.sent_so_far(1)
    line.land()
    assert await other == [Held(0, 0, 0)]
    await line.sent_so_far(2)
    assert (line.settled, line.sent[1]) == (["whole-1"], ["whole-0", "whole-1"])
    line.land()
    assert await whole == [Held(0, 0, 0), Held(1, 0, 0)]
    assert not line.batcher._settling


@in_loop
async def test_a_call_whose_key_cannot_be_asked_for_is_to_be_asked_again(line: Line) -> None:
    line.unsettled = {"a-0": "H"}
    ask = line.ask("a")
    await line.sent_so_far(1)
    line.land()
    with pytest.raises(DeadlinePassed) as raised:
        await ask
    assert raised.value.sent


@in_loop
async def test_a_deferred_call_whose_time_is_over_has_been_sent(line: Line) -> None:
    line.deferred = {"late-0"}
    ask = line.ask("late", within_s=TIME_S)
    await line.sent_so_far(1)
    line.land()
    await turns()
    assert len(line.sent) == 1, "not again at once: a disk may hang"
    skip(TIME_S)
    with pytest.raises(DeadlinePassed) as raised:
        await ask
    assert raised.value.sent
