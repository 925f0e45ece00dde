"""Ordinary calls beside a sale, from a process of their own: what they wait for is the service, and not the loop that
makes thousands of other calls a second.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from random import Random
from time import perf_counter
from typing import Final

from bench.demo.calls import CALL_MS_MAX
from holdfast.client import ChannelClient, ReleaseReason, Reservation

PER_S: Final = 100.0
FIRST_S: Final = 1.0  # connections are made, and modules read
STOP_S: Final = 60.0
LOOK_S: Final = 0.05
Took = list[tuple[float, float]]  # when a call began, by the machine's monotonic clock in seconds, and the ms it took


class OrdinaryCalls:
    """Those that are made."""

    def __init__(self, process: Connection) -> None:
        self._process = process
        self._took: Took = []

    async def begin(self) -> None:
        """Return once they are made as they will be."""
        await asyncio.to_thread(self._process.recv)
        await asyncio.sleep(FIRST_S)

    async def end(self) -> None:
        """Make no more of them. Raises EOFError where their process has ended."""
        self._process.send("end")
        self._took = await asyncio.to_thread(self._process.recv)

    def between(self, began: float, ended: float) -> list[float]:
        """Of those that began between two instants, the ms that each took; once they have ended."""
        return [ms for at, ms in self._took if began <= at < ended]


@asynccontextmanager
async def ordinary_calls(
    target: str, store_ids: tuple[str, ...], skus: tuple[str, ...], seed: int
) -> AsyncIterator[OrdinaryCalls]:
    """Have them made, so many a second whether or not they are answered, until the block ends."""
    context = get_context("spawn")
    mine, other = context.Pipe()
    process = context.Process(target=_run, args=(other, target, store_ids, skus, seed), daemon=True)
    process.start()
    other.close()
    try:
        yield OrdinaryCalls(mine)
    finally:
        mine.close()  # which ends it, if it goes on
        await asyncio.to_thread(process.join, STOP_S)
        process.kill()


def _run(process: Connection, target: str, store_ids: tuple[str, ...], skus: tuple[str, ...], seed: int) -> None:
    with suppress(EOFError, KeyboardInterrupt):  # who asked for them has ended
        asyncio.run(_make(process, target, store_ids, skus, Random(f"ordinary:{seed}")))


async def _make(
    process: Connection, target: str, store_ids: tuple[str, ...], skus: tuple[str, ...], draw: Random
) -> None:
    took: Took = []
    asking: set[asyncio.Task[None]] = set()
    async with ChannelClient(target) as client:

        async def one(number: int) -> None:
            began = perf_counter()
            answer = await client.reserve(
                draw.choice(store_ids),
                [(draw.choice(skus), 1)],
                customer_id=f"ordinary-{number}",
                channel="web",
                timeout_ms=CALL_MS_MAX,
            )
            took.append((began, (perf_counter() - began) * 1_000))
            if isinstance(answer, Reservation):
                await client.release(answer.reservation_id, reason=ReleaseReason.CUSTOMER_CANCELLED)

        process.send("begun")
        began, number = perf_counter(), 0
        while not process.poll():
            number += 1
            await asyncio.sleep(max(0.0, began + number / PER_S - perf_counter()))
            task = asyncio.ensure_future(one(number))
            asking.add(task)
            task.add_done_callback(asking.discard)
        await asyncio.gather(*asking)
    process.recv()
    process.send(took)
