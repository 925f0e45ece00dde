"""Units that a gateway brings from one ledger to another gather, and make no caller wait."""

import asyncio

from actors.protocol.messages import Answer, Entry
from actors.shop.hot.units import HandUnits
from serve.routing.batcher import IN_FLIGHT_MAX
from tests.runtime.loop_time import turns
from tests.runtime.test_batcher import FAR_S, Line, in_loop


def errand(line: Line, name: str) -> "asyncio.Future[list[Answer]]":
    """Units that the gateway brings from here to another ledger."""
    entries: list[Entry] = [(f"{name}-0", HandUnits("sku"))]
    return line.batcher.submit(entries, asyncio.get_running_loop().time() + FAR_S, promise=True)


@in_loop
async def test_a_caller_does_not_wait_because_units_are_brought_somewhere(line: Line) -> None:
    errands = [errand(line, "e0"), errand(line, "e1")]
    await turns(3)
    errands.append(errand(line, "e2"))
    await turns(3)
    assert line.sent == [["e0-0", "e1-0"]], "the third waits for more"
    answers = line.ask("a")
    await turns(3)
    assert line.sent[1:] == [["e2-0", "a-0"]]
    for _ in range(2):
        line.land()
    await asyncio.gather(*errands, answers)


@in_loop
async def test_what_is_left_over_does_not_wait_for_units_that_are_brought_either(line: Line) -> None:
    out = await line.fill()
    waiting = [*(errand(line, f"e{number}") for number in range(3)), line.ask("a")]
    for _ in range(IN_FLIGHT_MAX):
        line.land()
    await turns(5)
    assert line.sent[IN_FLIGHT_MAX:] == [["e0-0", "e1-0", "e2-0", "a-0"]]
    line.land()
    await asyncio.gather(*out, *waiting)


@in_loop
async def test_three_callers_wait_for_more_beside_units_that_are_brought(line: Line) -> None:
    asked = [line.ask("a"), line.ask("b")]
    await turns(3)
    asked += [errand(line, "e0"), line.ask("c")]
    await turns(3)
    assert line.sent == [["a-0", "b-0"]]
    await line.sent_so_far(2)
    assert line.sent[1:] == [["e0-0", "c-0"]]
    for _ in range(2):
        line.land()
    await asyncio.gather(*asked)


@in_loop
async def test_units_that_were_brought_are_counted_no_more(line: Line) -> None:
    brought = errand(line, "e0")
    await line.sent_so_far(1)
    line.land()
    await brought
    assert not line.batcher._errands
