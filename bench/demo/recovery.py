"""Killing the actor of a shop while everybody is calling, and how long its shops are away, as a client sees it."""

import asyncio
from collections.abc import Iterable
from time import perf_counter, time
from typing import Final, NamedTuple

from bench import processes
from bench.demo.verdict import Outage
from clients import ChannelClient, HoldfastError, LedgerStatus

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
    await _answered_by_another(client, store_id, pid)
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


async def _answered_by_another(client: ChannelClient, store_id: str, old_pid: int) -> None:
    """Ask every 50 ms, since one question alone may hang on the dead process; the first answer of a new one counts."""
    deadline = perf_counter() + RECOVERY_S_MAX
    asked: set[asyncio.Task[LedgerStatus]] = set()
    try:
        while perf_counter() < deadline:
            asked.add(asyncio.create_task(client.ledger_status(store_id, timeout_ms=PROBE_MS_MAX)))
            done, asked = await asyncio.wait(asked, timeout=PROBE_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is None and task.result().pid != old_pid:
                    return
                if error is not None and not isinstance(error, HoldfastError):
                    raise error
    finally:
        for task in asked:
            task.cancel()
    raise NotRecovered(f"shop {store_id} did not answer within {RECOVERY_S_MAX:g} s of the kill of process {old_pid}")
