"""How long a batch waits for more."""

from serve.routing.batcher import GATHER_S_MAX, IN_FLIGHT_MAX
from tests.runtime.loop_time import skip, turns
from tests.runtime.test_batcher import Line, in_loop


@in_loop
async def test_a_batch_waits_longer_where_more_calls_are_inside(line: Line) -> None:
    for sent, (line.calls_inside, wait_s) in ((1, (2, 0.002)), (3, (200, GATHER_S_MAX))):
        for name in ("out", "beside"):
            line.ask(name)
        await line.sent_so_far(sent)
        line.ask("gathers")
        skip(wait_s - 0.0005)
        await turns(3)
        assert len(line.sent) == sent
        skip(0.001)
        await line.sent_so_far(sent + 1)
        for _ in range(IN_FLIGHT_MAX):
            line.land()
        await turns(3)
