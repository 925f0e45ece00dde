"""The only module that imports Ray's core: it makes Ray actors of the plain classes and calls them by name.

Ray provides placement, restarts and calls, but neither exactly-once nor fencing: those are the journal's and the
ledger's. So Ray never retries tasks, and a second actor for the same shop would be fenced.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayError, RayTaskError

from actors.chain_actor import ChainActor
from actors.customer_actor import CustomerActor
from actors.journal.open import open_journal
from actors.journal.port import JournalDamaged, JournalError
from actors.protocol.messages import ActorGone, LedgerStopped
from actors.protocol.placement import ActorKind, kind_of
from actors.runtime.clock import SystemClock
from actors.store_actor import StoreActor

NAMESPACE: Final = "holdfast"
CALLS_MAX: Final = 16  # threads of an actor, for concurrent steps, reads and feeds; the host serialises what must be
PING_S: Final = 10.0
OVERDUE_S: Final = 0.3  # after this the caller checks whether the actor's process is still the same
PING_EVERY_S: Final = 0.1
RECOVERY_S_MAX: Final = 600.0  # by actor, at the start of a service
RECOVERING_MAX: Final = 4  # actors at once
CALL_S: Final = 30.0
OBJECT_STORE_BYTES: Final = 100 * 1024 * 1024  # calls are inline; nothing lives in the store
CLOSE_S: Final = 30.0  # the last snapshot of a million holds takes some seconds
EXIT_JOURNAL: Final = 70  # the exit status of an actor whose journal failed or was taken over

log = logging.getLogger("holdfast.cluster")


# Any failure of a call by Ray itself.
CallFailed = RayError


def start_ray(address: str) -> None:
    """Join the cluster at `address`, or, where it is empty, start Ray on this machine for this service alone."""
    options: dict[str, Any] = {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": logging.WARNING}
    if address:
        ray.init(address=address, **options)
        return
    ray.init(
        address="local",  # never join a cluster that is running here
        _node_ip_address="127.0.0.1",
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        num_cpus=max(4, os.cpu_count() or 1),  # slots for Serve's own actors, ours take none
        **options,
    )


def stop_ray() -> None:
    """Leave the cluster; one that `start_ray` started ends."""
    ray.shutdown()


def end_process(failure: JournalError) -> NoReturn:
    """End the process: memory is ahead of the disk, or another owner has taken over, so it must not answer any more."""
    log.critical("the actor ends: %s", failure)
    logging.shutdown()
    os._exit(EXIT_JOURNAL)


class _Process:
    """Constructs a plain actor class in a process of its own. `journals` is a setting of `journal.open`."""

    def __init__(self, name: str, journals: str) -> None:
        super().__init__(name, open_journal(journals, name), SystemClock(), end_process)  # type: ignore[call-arg]


class RayStoreActor(_Process, StoreActor):
    """A StoreActor in a process of its own."""


class RayCustomerActor(_Process, CustomerActor):
    """A CustomerActor in a process of its own."""


class RayChainActor(_Process, ChainActor):
    """The ChainActor in a process of its own."""


_CLASSES: Final[dict[ActorKind, type[Any]]] = {
    ActorKind.CHAIN: RayChainActor,
    ActorKind.CUSTOMERS: RayCustomerActor,
    ActorKind.STORE: RayStoreActor,
}


class RayActors:
    """Named, detached actors, created on first use. Implements `protocol.messages.Actors`."""

    def __init__(self, journals: str) -> None:
        self._journals = journals
        self._handles: dict[str, Any] = {}
        self._making: dict[str, asyncio.Lock] = {}
        self._pids: dict[str, int] = {}
        self._orphaned: set[asyncio.Future[Any]] = set()
        self._watching: set[asyncio.Task[None]] = set()

    async def call(self, actor: str, method: str, *args: Any) -> Any:
        """See `Actors.call`. A restarting actor raises ActorGone at once; the router repeats the call."""
        handle = self._handles.get(actor)
        if handle is None:
            handle = await self._make(actor)
        asked = self._pids.get(actor)
        answer: asyncio.Future[Any] = asyncio.wrap_future(getattr(handle, method).remote(*args).future())
        watch = answer.get_loop().call_later(OVERDUE_S, self._watch, actor, handle, asked, answer)
        try:
            return await answer
        except asyncio.CancelledError:
            if answer in self._orphaned:
                raise ActorGone(f"{actor} was restarted while it was asked") from None
            raise
        except ActorUnavailableError as error:
            raise ActorGone(str(error)) from error
        except RayActorError as error:
            self._handles.pop(actor, None)  # it will not be restarted: the next call creates it anew
            raise ActorGone(str(error)) from error
        except RayTaskError as error:
            if isinstance(error.cause, JournalDamaged):
                raise LedgerStopped(str(error.cause)) from error
            raise
        finally:
            watch.cancel()
            self._orphaned.discard(answer)

    def _watch(self, actor: str, handle: Any, asked: int | None, answer: "asyncio.Future[Any]") -> None:
        """Give up an overdue call where the actor's process is no longer the one that was called.

        Ray reports an actor's death to pending calls only after a second or more, while a new call is answered as soon
        as the successor serves. So a new call gets the process id, and the overdue one is cancelled if it differs.
        """

        async def ask_who_is_there() -> None:
            while not answer.done():
                try:
                    async with asyncio.timeout(PING_S):
                        pid = await handle.ping.remote()
                except (RayError, TimeoutError):
                    pid = asked
                if pid != asked:
                    self._pids[actor] = pid
                    if answer.cancel():  # else the answer has arrived, and would stay in the set
                        self._orphaned.add(answer)
                    return
                await asyncio.sleep(PING_EVERY_S)

        if not answer.done():
            task = answer.get_loop().create_task(ask_who_is_there())
            self._watching.add(task)
            task.add_done_callback(self._watching.discard)

    async def names(self) -> frozenset[str]:
        """See `Actors.names`."""
        return frozenset(await asyncio.to_thread(actor_names))

    async def _make(self, actor: str) -> Any:
        lock = self._making.setdefault(actor, asyncio.Lock())
        async with lock:
            handle = self._handles.get(actor)
            if handle is None:
                handle, pid = await asyncio.to_thread(make_actor, actor, self._journals)
                self._handles[actor], self._pids[actor] = handle, pid
            return handle


def make_actor(actor: str, journals: str) -> tuple[Any, int]:
    """The handle and process id of the actor of that name, created if there is none. Raises ActorGone.

    It is pinged, since Ray may return the handle of a dead one.
    """
    try:
        handle = _create(actor, journals)
        return handle, ray.get(handle.ping.remote(), timeout=PING_S)
    except (RayActorError, GetTimeoutError) as error:
        raise ActorGone(str(error)) from error


def make_actors(actors: Sequence[str], journals: str) -> None:
    """Create actors, a few at a time, and wait for each to recover, however long its journal.

    A failure is logged; the next call to that actor tries again.
    """
    for first in range(0, len(actors), RECOVERING_MAX):
        handles = {actor: _create(actor, journals) for actor in actors[first : first + RECOVERING_MAX]}
        for actor, handle in handles.items():
            try:
                ray.get(handle.ping.remote(), timeout=RECOVERY_S_MAX)
            except (RayActorError, GetTimeoutError) as error:
                log.critical("%s did not recover; it is tried again when it is called: %s", actor, error)


def _create(actor: str, journals: str) -> Any:
    options: dict[str, Any] = {
        "name": actor,
        "namespace": NAMESPACE,
        "get_if_exists": True,
        "lifetime": "detached",
        "max_restarts": -1,
        "max_task_retries": 0,
        "max_concurrency": CALLS_MAX,
        "num_cpus": 0,
        "enable_task_events": False,
    }
    remote: Any = ray.remote(_CLASSES[kind_of(actor)])
    return remote.options(**options).remote(actor, journals)


def call_actor(actor: str, journals: str, method: str, *args: Any) -> Any:
    """Call an actor from outside an event loop, creating it if there is none. Raises ActorGone or CallFailed."""
    handle, _ = make_actor(actor, journals)
    return ray.get(getattr(handle, method).remote(*args), timeout=CALL_S)


def close_actors(each: Callable[[str], None]) -> None:
    """Let every actor write its snapshots and end, for a quick next start. `each` is called with each name."""
    for name in actor_names():
        each(name)
        try:
            handle: Any = ray.get_actor(name, namespace=NAMESPACE)
            ray.get(handle.close.remote(), timeout=CLOSE_S)
            ray.kill(handle)
        except (RayError, ValueError) as error:  # the actor's own errors too: the others must still be closed
            log.warning("%s did not close; its journal has all that it answered: %s", name, error)


def actor_names() -> list[str]:
    """The names of the actors that have been created."""
    entries = ray.util.list_named_actors(all_namespaces=True)
    return [entry["name"] for entry in entries if entry["namespace"] == NAMESPACE]
