"""The faults: what each does to the running service, and when the service was back.

Every strike returns once it is over and a call that was made after it was accepted where it struck, or after
RECOVERY_S_MAX. Nothing here judges.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import psutil

from bench import service as processes
from bench.demo.calls import Kind, reserve_call
from bench.demo.feed import Outage
from bench.demo.run import statuses_of
from bench.faults import callers
from bench.faults.callers import Crowd
from bench.faults.host import Host
from bench.faults.recorder import Seen
from holdfast.client import ChannelClient, HoldfastError, Limits, Rejection, Reservation, RetryPolicy

RECOVERY_S_MAX: Final = 30.0
POLL_S: Final = 0.01
HANGS_S: Final = (0.5, 5.0, 60.0)
CUT_S: Final = 1.0
DELAY_S, DELAYED_S = 0.15, 2.0
BURST_CALLS: Final = 1_500  # the search for a sequence takes memory by the square of who calls at once
BURST_CLIENTS: Final = 4
BURST_MS: Final = 5_000
SECOND_WRITER_S: Final = 20.0
ALL: Final = (*callers.SHOPS, *callers.DROP_SHOPS)


@dataclass(slots=True)
class Strike:
    """One fault that struck. Instants are of the monotonic clock, in ns; `store_ids` are the shops that it took away.

    `over_ns` is when the fault itself ended, 0 where it could not be brought to its end. `back_ns` is when the first
    call was accepted that was made after that, or where the service `heals` in spite of it, after the strike; None
    where none was. `allowed_s` is how long it may take by I14. `killed` counts processes. `wrong` says what must not
    have happened.
    """

    fault: str
    what: str
    store_ids: Sequence[str] = ()
    struck_ns: int = 0
    over_ns: int = 0
    back_ns: int | None = None
    allowed_s: float = 2.0
    heals: bool = True
    killed: int = 0
    outage: Outage | None = None
    note: str = ""
    wrong: str = ""

    @property
    def back_s(self) -> float | None:
        """How long it took, from the strike, or from its end where the service cannot heal before."""
        since_ns = self.struck_ns if self.heals else self.over_ns
        return None if self.back_ns is None else round((self.back_ns - since_ns) / 1e9, 3)


Proves = Callable[[Seen], bool]


@dataclass(slots=True)
class Striker:
    """Strikes at a service through a `client`, and enters in `struck` what it did."""

    host: Host
    crowd: Crowd
    client: ChannelClient
    seed: int
    struck: list[Strike]

    async def kill_shops(self, store_id: str) -> Strike:
        """F1: the actor that writes a shop."""
        statuses = await statuses_of(self.client, ALL)
        actor = statuses[store_id].actor
        strike = Strike("F1", "kill -9 of a shop's actor", _of_actor(statuses, actor))
        return await self._kill(strike, [statuses[store_id].pid], _shops(strike.store_ids))

    async def kill_titled(
        self,
        fault: str,
        what: str,
        title: str,
        proves: Proves,
        *,
        allowed_s: float = 2.0,
        store_ids: Sequence[str] = (),
    ) -> Strike:
        """F1, F2: what is called so. Nothing can expire meanwhile in the shops that are named."""
        pids = [each.pid for each in await self._processes() if title in " ".join(_titled(each))]
        strike = Strike(fault, what, store_ids, allowed_s=allowed_s)
        if not pids:
            strike.note = f"no process is called {title}"
        return await self._kill(strike, pids, proves)

    async def kill_hot(self) -> Strike:
        """F1: the ledger of a hot SKU, while it is one."""
        await self.client.promote_sku(callers.DROP)
        try:
            await self._wait(_held_hot, time.monotonic_ns())
            what, title = "kill -9 of a hot SKU's actor", "ray::RayHotSkuActor"
            return await self.kill_titled("F1", what, title, _held_hot, store_ids=callers.DROP_SHOPS)
        finally:
            await self.client.demote_sku(callers.DROP)

    async def kill_all(self) -> Strike:
        """F4: every process at once; then it is started again."""
        strike = Strike("F4", "kill -9 of everything, and a start", ALL, allowed_s=RECOVERY_S_MAX)
        strike.killed = len(await self._processes())
        return await self._struck(strike, self.host.kill_and_start(), is_any)

    async def kill_parent(self) -> Strike:
        """F4: the process that started all others, which go on until the next start."""
        what = "kill -9 of the service's own process, and a start beside what is left"
        strike = Strike("F4", what, ALL, allowed_s=RECOVERY_S_MAX, killed=1)
        return await self._struck(strike, self.host.kill_parent_and_start(), is_any)

    async def upgrade(self) -> Strike:
        """F15: an orderly stop and a start over the same data, in the middle of a sale."""
        strike = Strike("F15", "stopped in order and started again, as for an upgrade", ALL, allowed_s=RECOVERY_S_MAX)
        return await self._struck(strike, self.host.stop_and_start(), is_any)

    async def hang(self, store_id: str, seconds: float) -> Strike:
        """F5: an actor is stopped and woken, meanwhile with a successor that took over or without."""
        statuses = await statuses_of(self.client, ALL)
        actor, pid = statuses[store_id].actor, statuses[store_id].pid
        strike = Strike("F5", f"SIGSTOP of a shop's actor for {seconds:g} s", _of_actor(statuses, actor), allowed_s=4.0)

        async def stop() -> None:
            with suppress(psutil.NoSuchProcess):  # also where its number is another's by the time that it would wake
                process = psutil.Process(pid)
                process.suspend()
                try:
                    await asyncio.sleep(seconds)
                finally:
                    process.resume()

        struck = await self._struck(strike, stop(), _shops(strike.store_ids), from_start=True)
        with suppress(HoldfastError):  # it is back, and yet may be slow on a machine that is busy
            after = (await self.client.ledger_status(store_id)).pid
            struck.note = "a successor took over" if after != pid else "no successor was needed"
        return struck

    async def cut(self) -> Strike:
        """F10: every connection is reset, and nobody can connect."""

        async def act() -> None:
            self.host.proxy.is_cut = True
            self.host.proxy.break_all()
            await asyncio.sleep(CUT_S)
            self.host.proxy.is_cut = False

        return await self._struck(Strike("F10", f"clients cut off for {CUT_S:g} s", heals=False), act(), is_any)

    async def delay(self) -> Strike:
        """F10: everything takes longer."""

        async def act() -> None:
            self.host.proxy.delay_s = DELAY_S
            await asyncio.sleep(DELAYED_S)
            self.host.proxy.delay_s = 0.0

        what = f"{1_000 * DELAY_S:g} ms more each way for {DELAYED_S:g} s"
        return await self._struck(Strike("F10", what, heals=False), act(), is_any)

    async def lose_answers(self) -> Strike:
        """F10: the service does the work, and nobody hears of it."""

        async def act() -> None:
            self.host.proxy.loses_answers = True
            await asyncio.sleep(CUT_S)
            self.host.proxy.break_all()
            self.host.proxy.loses_answers = False

        return await self._struck(Strike("F10", f"answers lost for {CUT_S:g} s", heals=False), act(), is_any)

    async def second_writer(self, store_id: str) -> Strike:
        """F13: another process takes the ledgers over; the service takes them back, and the other must be refused."""
        statuses = await statuses_of(self.client, ALL)
        actor = statuses[store_id].actor
        strike = Strike("F13", "a second process for the same ledgers", _of_actor(statuses, actor))
        intruder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.faults.second_writer"),
            *(str(self.host.journal_of(actor)), store_id, callers.SKUS[0]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, processes.MARK: self.host.service.mark},
        )

        async def act() -> None:
            if intruder.stdout is not None:
                said = await asyncio.wait_for(intruder.stdout.readline(), SECOND_WRITER_S)
                strike.note = f"it said {said.decode().strip() or 'nothing'}"
            strike.struck_ns = time.monotonic_ns()

        struck = await self._struck(strike, act(), _shops(strike.store_ids))
        out, _ = await asyncio.wait_for(intruder.communicate(b"\n"), SECOND_WRITER_S)
        if out.strip():
            strike.wrong = f"what the second writer of {actor} wrote after it was replaced was believed"
        strike.note += f", and ended with {intruder.returncode}"
        return struck

    async def burst(self, store_id: str, number: int) -> Strike:
        """F14: very many callers at once."""
        strike = Strike("F14", f"{BURST_CALLS:,} callers at once", heals=False)
        recorder, limits = self.crowd.recorder, Limits(batch_items_max=32, batches_in_flight_max=64)
        took: list[float] = []
        refused = 0

        async def one(client: ChannelClient, place: int) -> None:
            nonlocal refused
            name, began = f"burst-{self.seed}-{number}-{place}", time.monotonic()
            call = reserve_call(name, store_id, callers.BURST, channel="flood", ttl_ms=callers.TTL_MS[0])
            outcome = await recorder.ask(client, f"burst {place}", call, BURST_MS)
            if isinstance(outcome, Reservation | Rejection):
                took.append(time.monotonic() - began)
            else:
                refused += 1

        async def act() -> None:
            clients = [
                ChannelClient(self.host.proxy.address, limits=limits, retry=RetryPolicy(attempts_max=1))
                for _ in range(BURST_CLIENTS)
            ]
            try:
                places = range(BURST_CALLS)
                await asyncio.gather(*(one(clients[place % BURST_CLIENTS], place) for place in places))
            finally:
                await asyncio.gather(*(client.close() for client in clients))

        struck = await self._struck(strike, act(), is_any)
        took.sort()
        p99 = took[int(len(took) * 0.99)] if took else 0.0
        strike.note = f"{len(took):,} answered, p99 {p99:.2f} s; {refused:,} without an answer, or refused early"
        return struck

    async def promote(self) -> Strike:
        """F15: a SKU gets a ledger of its own in the middle of a sale, and gives it back."""

        async def act() -> None:
            began_ns = time.monotonic_ns()
            await self.client.promote_sku(callers.DROP)
            strike.note = "" if await self._wait(_held_hot, began_ns) else "its own ledger held nothing"
            await self.client.demote_sku(callers.DROP)

        strike = Strike("F15", "a SKU promoted and demoted while it is sold", heals=False)
        return await self._struck(strike, act(), _shops(callers.DROP_SHOPS))

    async def _kill(self, strike: Strike, pids: Sequence[int], proves: Proves) -> Strike:
        ours = {each.pid for each in await self._processes()}

        async def act() -> None:
            for pid in ours.intersection(pids):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    strike.killed += 1

        return await self._struck(strike, act(), proves)

    async def _struck(
        self, strike: Strike, act: Awaitable[None], proves: Proves, *, from_start: bool = False
    ) -> Strike:
        """Strike, and wait until the service is back. `from_start`: while it still lasts the service may be back."""
        strike.struck_ns, from_ms = time.monotonic_ns(), int(time.time() * 1_000)
        waiting = asyncio.ensure_future(self._wait(proves, strike.struck_ns)) if from_start else None
        self.struck.append(strike)
        try:
            await act
            strike.over_ns = time.monotonic_ns()
            seen = await (waiting or self._wait(proves, strike.over_ns))
            strike.back_ns = None if seen is None else seen.returned_ns
            if strike.store_ids:
                await statuses_of(self.client, strike.store_ids)
        finally:
            if strike.store_ids:  # also of one that could not be brought to its end
                strike.outage = Outage(from_ms, int(time.time() * 1_000))
        return strike

    async def _wait(self, proves: Proves, from_ns: int) -> Seen | None:
        """The first answer to a call that was made since then and shows that the service is back."""
        deadline = time.monotonic() + RECOVERY_S_MAX
        while time.monotonic() < deadline:
            for seen in self.crowd.recorder.seen:
                if seen.called_ns >= from_ns and seen.about and proves(seen):
                    return seen
            await asyncio.sleep(POLL_S)
        return None

    async def _processes(self) -> list[psutil.Process]:
        return list(await asyncio.to_thread(processes.marked, self.host.service.mark))


def _titled(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def _of_actor(statuses: dict[str, Any], actor: str) -> tuple[str, ...]:
    return tuple(store_id for store_id, status in statuses.items() if status.actor == actor)


def _shops(store_ids: Sequence[str]) -> Proves:
    return lambda seen: seen.call.store_id in store_ids


def is_any(_: Seen) -> bool:
    """Whatever was accepted."""
    return True


def is_order(seen: Seen) -> bool:
    """What a customers' ledger has accepted."""
    return seen.call.kind is Kind.RESERVE_NEAR


def _held_hot(seen: Seen) -> bool:
    return seen.about.startswith("hot/")
