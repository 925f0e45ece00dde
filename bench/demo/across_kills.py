"""Killing what an order over several shops goes through: its customer's actor, and the only gateway."""

import asyncio
from time import perf_counter, time
from typing import Final, NamedTuple

from bench import processes
from bench.demo.feed import Outage
from bench.demo.recovery import PROBE_MS_MAX, NotRecovered, ask_until
from holdfast.client import ChannelClient

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
    await ask_until(
        lambda: client.get_order(order_id, timeout_ms=PROBE_MS_MAX),
        lambda _: True,
        otherwise=f"order {order_id} was not told",
    )
    return Killed(role, pids[0], round((perf_counter() - began) * 1000, 1), Outage(from_ms, int(time() * 1000)))
