"""Callers that have gone, as their own time was over in the same moment: what comes of their calls is no fault."""

import asyncio
import gc
from typing import Any

from tests.runtime.loop_time import skip, turns
from tests.runtime.test_batcher import Line, in_loop


@in_loop
async def test_what_ended_too_late_for_its_caller_is_not_logged_as_a_fault(line: Line) -> None:
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    out = await line.fill()
    unsent = line.ask("unsent", within_s=5.0)
    skip(6.0)
    await turns(3)
    assert unsent.done()
    del unsent
    for _ in out:  # what was over goes out of the queue as well
        line.land()
        await turns(3)
    gc.collect()
    assert not logged
    assert all(each.done() for each in out)


@in_loop
async def test_a_fault_of_ours_is_logged_also_where_nobody_waits(line: Line) -> None:
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    line.ask("a")
    await turns(3)
    line.land(ValueError("a fault"))
    await turns(3)
    gc.collect()
    assert [str(each["exception"]) for each in logged] == ["a fault"]
