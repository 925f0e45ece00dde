"""Killing what an order over several shops goes through: its customer's actor, and the only gateway."""

import asyncio
from time import perf_counter, time
from typing import Final, NamedTuple

from bench import processes
from bench.demo.recovery import PROBE_EVERY_S, PROBE_MS_MAX, RECOVERY_S_MAX, NotRecovered
from bench.demo.verdict import Outage
from clients import ChannelClient, HoldfastError, Order

CUSTOMERS: Final = "customer actors"
GATEWAY: Final = "gateway"


class Killed(NamedTuple):
    """One process killed and back. `ms` from the kill to the first answer that needs its successor."""

    role: str
    pid: int
    ms: float
    outage: Outage


async def kill_and_wait(client: ChannelClient, mark: str, role: str, order_id: str) -> Killed:
    """Kill -9 the process of a role, and ask for an order until somebody answers.

    `mark` proves that it is ours to kill. Raises NotRecovered.
    """
    found = await asyncio.to_thread(processes.marked, mark)
    pids = sorted(process.pid for process in found if process.role == role)
    if len(pids) != 1:
        raise NotRecovered(f"{len(pids)} processes are {role}, and one was to be killed")
    from_ms = int(time() * 1000)
    await asyncio.to_thread(processes.kill, pids[0], mark)
    began = perf_counter()
    await _answered(client, order_id)
    return Killed(role, pids[0], round((perf_counter() - began) * 1000, 1), Outage(from_ms, int(time() * 1000)))


async def _answered(client: ChannelClient, order_id: str) -> None:
    """Ask every 50 ms, since one question alone may hang on the dead process."""
    deadline = perf_counter() + RECOVERY_S_MAX
    asked: set[asyncio.Task[Order]] = set()
    try:
        while perf_counter() < deadline:
            asked.add(asyncio.create_task(client.get_order(order_id, timeout_ms=PROBE_MS_MAX)))
            done, asked = await asyncio.wait(asked, timeout=PROBE_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is None:
                    return
                if not isinstance(error, HoldfastError):
                    raise error
    finally:
        for task in asked:
            task.cancel()
    raise NotRecovered(f"order {order_id} was not told within {RECOVERY_S_MAX:g} s of the kill")
