"""Killing what serves the callers while everybody is calling, and how long it is away, as a client sees it: the actor
of a shop, and what an order over several shops goes through: its customer's actor, and the only gateway.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from time import perf_counter, time
from typing import Any, Final, NamedTuple, TypeVar

from bench import processes
from bench.demo.feed import Outage
from holdfast.client import ChannelClient, HoldfastError, LedgerStatus

ResultT = TypeVar("ResultT")

RECOVERY_S_MAX: Final = 60.0
PROBE_EVERY_S: Final = 0.05
PROBE_MS_MAX: Final = 10_000
STATUSES_AT_ONCE: Final = 16


class NotRecovered(Exception):
    """The shop did not answer again."""


class Recovery(NamedTuple):
    """One actor killed and back. `ms` from the kill to the shop's first answer from the new process."""

    actor: str
    store_id: str
    ms: float
    replayed_events: int
    ledgers: int
    store_ids: tuple[str, ...]
    outage: Outage


async def statuses(client: ChannelClient, store_ids: Iterable[str]) -> dict[str, LedgerStatus]:
    """Where the ledger of each shop stands."""
    gate = asyncio.Semaphore(STATUSES_AT_ONCE)

    async def one(store_id: str) -> LedgerStatus:
        async with gate:
            return await client.ledger_status(store_id)

    found = await asyncio.gather(*(one(store_id) for store_id in store_ids))
    return {status.store_id: status for status in found}


async def kill_actor_of(client: ChannelClient, store_id: str, before: dict[str, LedgerStatus], mark: str) -> Recovery:
    """Kill -9 the process that writes the shop, and wait for its successor. `mark` proves that it is ours to kill.

    `before` names the actor of every shop. Raises NotRecovered.
    """
    victim = before[store_id]
    neighbours = tuple(each.store_id for each in before.values() if each.actor == victim.actor)
    pid = (await client.ledger_status(store_id)).pid
    from_ms = int(time() * 1000)
    await asyncio.to_thread(processes.kill, pid, mark)
    began = perf_counter()
    await ask_until(
        lambda: client.ledger_status(store_id, timeout_ms=PROBE_MS_MAX),
        lambda status: status.pid != pid,  # the first answer of a new process
        otherwise=f"no process but {pid} answered for shop {store_id}",
    )
    took_ms = (perf_counter() - began) * 1000
    until_ms = int(time() * 1000)
    after = await statuses(client, neighbours)
    return Recovery(
        victim.actor,
        store_id,
        round(took_ms, 1),
        sum(status.replayed_events for status in after.values()),
        len(neighbours),
        neighbours,
        Outage(from_ms, until_ms),
    )


async def ask_until(
    ask: Callable[[], Coroutine[Any, Any, ResultT]], told: Callable[[ResultT], bool], *, otherwise: str
) -> None:
    """Ask every 50 ms until an answer tells it, since one question alone may hang on a dead process.

    Raises NotRecovered with `otherwise`.
    """
    deadline = perf_counter() + RECOVERY_S_MAX
    asked: set[asyncio.Task[ResultT]] = set()
    try:
        while perf_counter() < deadline:
            asked.add(asyncio.create_task(ask()))
            done, asked = await asyncio.wait(asked, timeout=PROBE_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is None and told(task.result()):
                    return
                if error is not None and not isinstance(error, HoldfastError):
                    raise error
    finally:
        for task in asked:
            task.cancel()
    raise NotRecovered(f"{otherwise} within {RECOVERY_S_MAX:g} s of the kill")


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
